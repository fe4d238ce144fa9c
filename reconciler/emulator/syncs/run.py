"""Carrying out one sync of a data extension: reading its source page by page, then telling its webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.emulator.clock import timestamp
from reconciler.emulator.syncs.landing import Landing, Parts
from reconciler.emulator.syncs.progress import SyncFailedError
from reconciler.emulator.syncs.source import Page, SourceBusyError, http_client, read_page
from reconciler.emulator.syncs.table import Row
from reconciler.emulator.syncs.waiting import TICK_SECONDS, reach
from reconciler.emulator.syncs.webhook import REPEAT_AFTER_SECONDS, Call, is_acknowledged, send

if TYPE_CHECKING:
    import httpx2

PENDING_SECONDS = 0.2
"""How long a sync waits before it reads anything, by the emulated clock."""

_ASK_AGAIN_SECONDS = (0.5, 1.0, 2.0)


class Run:
    """One sync at work. ``revive`` takes over what a process that has died has left lying in front of it."""

    def __init__(self, parts: Parts, row: Row, revive: Callable[[], None]) -> None:
        self._parts = parts
        self._row = row
        self._revive = revive
        self._landing = Landing(parts, row)

    async def run(self) -> None:
        """Do what is left to do. Raises SyncGoneError once the sync is no longer kept."""
        async with http_client() as http:
            if self._row.phase == "syncing":
                await self._wait_for_turn()
                try:
                    await self._read_all(http)
                except SyncFailedError as failure:
                    self._landing.finish(failure)
                else:
                    self._landing.finish()
            if "webhookUrl" in self._row.request:
                await self._notify(http)

    async def _wait_for_turn(self) -> None:
        """Wait until it is time, and no older sync of the extension is at work."""
        await self._reach(self._landing.progress.begun + PENDING_SECONDS)
        while not self._parts.table.is_next(self._row):
            self._revive()
            await asyncio.sleep(TICK_SECONDS)
        self._landing.begin()

    async def _read_all(self, http: httpx2.AsyncClient) -> None:
        size = self._row.request["options"]["maxBatchSize"]
        seen = set[str]()
        while (url := self._landing.progress.url) is not None:
            if url in seen:
                raise SyncFailedError("SOURCE_INVALID", f"the pages go round in a circle: {url} comes again")
            seen.add(url)
            page = await self._page(http, url)
            while not self._landing.land(page, size):
                self._break_off_if_asked()
                await asyncio.sleep(0)
            self._break_off_if_asked()

    def _break_off_if_asked(self) -> None:
        fault = self._landing.progress.fault
        if fault is not None:
            raise SyncFailedError("INJECTED_FAULT", fault)

    async def _page(self, http: httpx2.AsyncClient, url: str) -> Page:
        for delay in _ASK_AGAIN_SECONDS:
            try:
                return await read_page(http, url)
            except SourceBusyError:
                await self._reach(self._parts.clock.now() + delay)
        try:
            return await read_page(http, url)
        except SourceBusyError as error:
            raise SyncFailedError("SOURCE_UNAVAILABLE", str(error)) from error

    async def _notify(self, http: httpx2.AsyncClient) -> None:
        """Call the webhook until it acknowledges; what was tried before a restart counts."""
        landing = self._landing
        call = Call(self._row.request["webhookUrl"], landing.progress.delivery, landing.body())
        while True:
            made = len(landing.progress.attempts)
            if made:
                await self._reach(self._parts.clock.now() + REPEAT_AFTER_SECONDS[made - 1])
            attempt = await send(http, call, self._parts.webhook_secret, lambda: timestamp(self._parts.clock.now()))
            last = is_acknowledged(attempt) or made == len(REPEAT_AFTER_SECONDS)
            landing.note_attempt(attempt, last=last)
            if last:
                return

    async def _reach(self, moment: float) -> None:
        await reach(moment, self._parts.clock, self._parts.store)
