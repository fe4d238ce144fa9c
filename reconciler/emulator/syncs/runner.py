"""The syncs at work in this process, each a task on the event loop that serves the requests."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial

from reconciler.emulator.syncs.landing import Landing, Parts, SyncGoneError
from reconciler.emulator.syncs.owner import is_at_work, new_owner, retire
from reconciler.emulator.syncs.progress import SyncFailedError
from reconciler.emulator.syncs.run import Run
from reconciler.emulator.syncs.table import Row


class Runner:
    """Starts syncs, takes over those that another process has left behind, and stops without losing their place."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._owner = new_owner()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped = False

    def start(self, id_: str) -> None:
        """Go on with a sync, unless it has ended or somebody is at it. Must be called on an event loop."""
        if self._stopped or self._is_running(id_):
            return
        with self._parts.store.transaction():
            row = self._parts.table.get(id_)
            if row is None or row.phase == "done" or (row.owner != self._owner and is_at_work(row.owner)):
                return
            self._parts.table.claim(id_, self._owner)
        self._tasks[id_] = asyncio.get_running_loop().create_task(self._carry_out(row))

    def _is_running(self, id_: str) -> bool:
        task = self._tasks.get(id_)
        return task is not None and not task.done() and not task.get_loop().is_closed()

    def resume(self) -> None:
        """Go on with every sync that nobody is at."""
        for row in self._parts.table.unfinished():
            self.start(row.id)

    async def _carry_out(self, row: Row) -> None:
        try:
            with suppress(SyncGoneError):
                await Run(self._parts, row, partial(self._revive, row)).run()
        except Exception:
            self._give_up(row.id)
            raise
        finally:
            self._tasks.pop(row.id, None)
            self._release(row.id)

    def _revive(self, waiting: Row) -> None:
        """Go on with the older syncs of the same extension that nobody is at."""
        for row in self._parts.table.unfinished():
            if row.resource == waiting.resource and row.seq < waiting.seq:
                self.start(row.id)

    def _give_up(self, id_: str) -> None:
        """End a sync that the emulator itself fails at, so that it isn't begun over and over."""
        row = self._parts.table.get(id_)
        if row is not None and row.phase == "syncing":
            Landing(self._parts, row).finish(SyncFailedError("INTERNAL", "the emulator failed"))

    def _release(self, id_: str) -> None:
        """Leave a sync to whoever comes next; where the state is closed already, its owner is known to be gone."""
        with suppress(sqlite3.ProgrammingError), self._parts.store.transaction():
            self._parts.table.claim(id_, None)

    def cancel(self) -> None:
        """Break off all syncs where they are."""
        for task in list(self._tasks.values()):
            task.cancel()

    async def stop(self) -> None:
        """Break off all syncs and wait for them; none starts any more. They go on when the state is opened again."""
        self._stopped = True
        tasks = list(self._tasks.values())
        self.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        retire(self._owner)
