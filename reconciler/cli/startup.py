"""What has to be loaded in one piece before a command begins."""

from __future__ import annotations

import signal


def load_unbroken() -> None:
    """Load orjson where Ctrl-C waits until that is over: an exception in the midst of it ends the process by a segmentation fault."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        import orjson  # noqa: F401
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
