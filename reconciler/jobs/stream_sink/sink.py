"""A sink at work: intake and outlet side by side, stopped in an order in which nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from reconciler.jobs.progress import Progress
from reconciler.jobs.stop import JobStop
from reconciler.jobs.stream_sink.intake import Intake
from reconciler.jobs.stream_sink.outlet import Outlet
from reconciler.jobs.stream_sink.spool import Spool
from reconciler.jobs.stream_sink.tally import Tally

SYNC_SECONDS = 0.2
"""What was received is forced to the disk so often, unless it is committed by then."""

STOP_SECONDS = 10.0
"""How long a stop waits for what is spooled to be written; the rest waits for the next run."""

AWAY_SECONDS = 30.0
"""How long the end of a stream waits for a database that is away, or in which others hold what is needed."""


@dataclass(slots=True)
class Sink:
    """One run of a sink, once everything is open."""

    intake: Intake
    outlet: Outlet
    spool: Spool
    tally: Tally
    stop: JobStop
    progress: Progress
    note: Callable[[str], None]

    async def run(self) -> None:
        """Receive and write until the source is over and the spool is empty, or a stop is asked for.

        Raises what ended it before its time; what is not committed stays in the spool.
        """
        self.progress.begin(None)
        outlet = anyio.CancelScope()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch_stop, outlet)
                group.start_soon(self._watch_end, outlet)
                group.start_soon(self._tend)
                group.start_soon(self.intake.run)
                with outlet:
                    await self.outlet.run()
                self.intake.stop()
                await self.intake.over.wait()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
        finally:
            self._show()
        if self.intake.error is not None:
            raise self.intake.error

    async def _watch_stop(self, outlet: anyio.CancelScope) -> None:
        await self.stop.wait()
        self.intake.stop()
        with anyio.move_on_after(STOP_SECONDS):
            await self.outlet.presence.until(away=True)
        outlet.cancel()

    async def _watch_end(self, outlet: anyio.CancelScope) -> None:
        """Give up on a database that takes nothing for long after the last event has come."""
        await self.intake.over.wait()
        while not outlet.cancel_called:
            await self.outlet.presence.until_stuck(stuck=True)
            with anyio.move_on_after(AWAY_SECONDS) as patience:
                await self.outlet.presence.until_stuck(stuck=False)
            if patience.cancelled_caught:
                outlet.cancel()

    async def _tend(self) -> None:
        """Force what was received to the disk, and keep the figures up to date."""
        while True:
            unsynced = self.spool.unsynced()
            if unsynced is not None:
                await anyio.to_thread.run_sync(unsynced.run)
                self.spool.synced(unsynced)
            self._show()
            await anyio.sleep(SYNC_SECONDS)

    def _show(self) -> None:
        oldest = self.outlet.oldest
        lag = max(0.0, time.time() - oldest) if oldest is not None else 0.0
        self.tally.waiting(self.spool.pending, self.spool.size_bytes, lag, away=self.outlet.presence.away)
        done = self.tally.accepted + self.tally.refused
        waiting = f", {self.spool.pending:,} waiting" if self.spool.pending else ""
        self.progress.update(done, f"{lag:.1f} s behind{waiting}, {self.tally.refused:,} dead letters", records=done)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a group of tasks ended with: theirs are one, and what was cancelled for it."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
