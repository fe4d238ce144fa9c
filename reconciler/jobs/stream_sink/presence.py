"""Whether the database is there and takes batches, for those who wait for either."""

from __future__ import annotations

import anyio


class Presence:
    """Begins as being there. ``away``: it cannot be used at all; ``blocked``: others keep a batch from being written."""

    def __init__(self) -> None:
        self.away = False
        self.blocked = False
        self._changed = anyio.Event()

    def set(self, *, away: bool, blocked: bool = False) -> bool:
        """Note how it is; whether its being away or there is news."""
        news = away != self.away
        if news or blocked != self.blocked:
            self.away, self.blocked = away, blocked
            self._changed.set()
            self._changed = anyio.Event()
        return news

    async def until(self, *, away: bool) -> None:
        """Wait until it is away, or there."""
        while self.away != away:
            await self._changed.wait()

    async def until_stuck(self, *, stuck: bool) -> None:
        """Wait until nothing gets in, for whatever reason, or something does again."""
        while (self.away or self.blocked) != stuck:
            await self._changed.wait()
