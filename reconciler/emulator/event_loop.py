"""An event loop that wakes up on time: latency that is asked for is to be what a client measures."""

from __future__ import annotations

import asyncio
import select
import selectors
import sys

_HIGHEST = 1023
"""The highest file that ``select`` takes (its ``FD_SETSIZE``)."""


def precise_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers are late by the system's own delay only. Linux's epoll counts in milliseconds, which Python rounds up."""
    if sys.platform == "linux":
        selector = _PreciseSelector()
        if selector.fileno() <= _HIGHEST:
            return asyncio.SelectorEventLoop(selector)
        selector.close()
    return asyncio.new_event_loop()


if sys.platform == "linux":

    class _PreciseSelector(selectors.EpollSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait as `selectors.BaseSelector.select` says."""
            if timeout is None or timeout <= 0:
                return super().select(timeout)
            # An epoll can be waited for as any file can, by a call that counts in microseconds.
            select.select([self.fileno()], [], [], timeout)
            return super().select(0)
