"""A request to stop a job: nothing new is begun, what is in hand is finished. A second signal is not waited for."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class JobStop:
    """Whether a job is asked to stop. ``signal`` is the signal's number, 0 where none asked; ``aborted``: it came twice."""

    def __init__(self) -> None:
        self.requested = False
        self.signal = 0
        self.reason = ""
        self.aborted = False
        self._event = anyio.Event()

    def ask(self, reason: str, *, signal: int = 0) -> None:
        """Ask for a stop; the first reason stands."""
        if not self.requested:
            self.requested, self.reason, self.signal = True, reason, signal
            self._event.set()

    async def wait(self) -> None:
        """Wait until a stop is asked for."""
        await self._event.wait()

    async def sleep(self, seconds: float) -> bool:
        """Sleep, but not beyond a request to stop; returns whether there is none."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        return not self.requested


@asynccontextmanager
async def stopped_by_signals(stop: JobStop) -> AsyncIterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop; the second one cancels whatever runs inside, and sets ``aborted``."""
    async with anyio.create_task_group() as group:
        ready = anyio.Event()

        async def watch() -> None:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                ready.set()
                async for number in signals:
                    if stop.requested and stop.signal:
                        stop.aborted = True
                        group.cancel_scope.cancel()
                        return
                    stop.ask("interrupted", signal=number)

        group.start_soon(watch)
        await ready.wait()
        yield
        group.cancel_scope.cancel()
