"""Ctrl-C where it must not break anything off."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done: for what native code builds, which takes an interrupt in the midst for an answer.

    The handler is changed and not the mask of signals: another thread may take a signal that this one does not, and Python then runs
    the handler here all the same. It does so in the main thread only, so that others have nothing to wait for.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield  # a handler that Python knows nothing of runs none of its code
        return
    asked: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if asked:
            signal.raise_signal(signal.SIGINT)
