"""Whether the database is there, for those who wait for either."""

from __future__ import annotations

import anyio


class Presence:
    """Begins as being there."""

    def __init__(self) -> None:
        self.away = False
        self._changed = anyio.Event()

    def set(self, *, away: bool) -> bool:
        """Note how it is; whether that is news."""
        news = away != self.away
        if news:
            self.away = away
            self._changed.set()
            self._changed = anyio.Event()
        return news

    async def until(self, *, away: bool) -> None:
        """Wait until it is away, or there."""
        while self.away != away:
            await self._changed.wait()
