"""Carrying a stream's events from the log to one connection, at the pace of its reader."""

from __future__ import annotations

import anyio.lowlevel

from reconciler.emulator.streams import Closing, Connection, Streams
from reconciler.emulator.wire import Wire

_BATCH_BYTES = 1 << 16
"""How much is read from the log and written at once: the most that is held for a reader, beside the socket's buffer."""


class Courier:
    """Serves one connection. Asks for one confirmation at a time: as soon as it comes, for that of what followed."""

    def __init__(self, streams: Streams, connection: Connection, wire: Wire) -> None:
        self.wire = wire
        self._streams = streams
        self._connection = connection
        self._asking = False

    async def run(self) -> Closing:
        """Send what is in the log, and what comes, until the connection must end; raises WireBrokenError."""
        delivery = self._connection.delivery
        while (closing := self._streams.closing(self._connection)) is None:
            events = self._streams.log.after(self._connection.stream, delivery.position, _BATCH_BYTES)
            if not events:
                await self._streams.news()
                continue
            await self.wire.send_texts(events)
            delivery.position += len(events)
            self._ask()
            await anyio.lowlevel.checkpoint()  # a reader that keeps up would otherwise have the loop for itself
        return closing

    def leave(self) -> None:
        """Note where the connection's successor has to begin; nothing more is delivered."""
        self._streams.disconnect(self._connection)

    def _ask(self) -> None:
        position = self._connection.delivery.position
        if not self._asking and position > self._connection.delivery.confirmed:
            self._asking = True
            self.wire.ping(lambda: self._answered(position))

    def _answered(self, position: int) -> None:
        self._asking = False
        self._streams.confirm(self._connection, position)
        self._ask()
