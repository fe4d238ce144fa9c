"""From the stream into the spool: everything that arrives is on disk before anything else is done with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import anyio

from reconciler.errors import ReconcilerError
from reconciler.jobs.stream_sink.spool import Spool, SpoolFull
from reconciler.jobs.stream_sink.tally import Tally

_RETRY_SECONDS = 1.0


class Source(Protocol):
    """Where events come from."""

    async def connect(self) -> None:
        """Reach it for the first time."""

    async def receive(self) -> list[bytes] | None:
        """Messages, at least one; None at the end. May be cancelled without losing any."""

    def leftover(self) -> list[bytes]:
        """What had arrived and was not given, after `aclose`."""

    async def aclose(self) -> None:
        """Leave."""


class Intake:
    """Receives until the source ends, a limit is reached, or it is told to `stop`.

    ``max_events`` and ``until_idle`` (seconds) are limits, None for none. ``over`` is set at the end, ``error`` what ended the source
    before its time. ``arrived`` is told of every change that a reader of the spool waits for.
    """

    def __init__(
        self,
        source: Source,
        spool: Spool,
        tally: Tally,
        warn: Callable[[str], None],
        *,
        max_events: int | None,
        until_idle: float | None,
    ) -> None:
        self._source = source
        self._spool = spool
        self._tally = tally
        self._warn = warn
        self._max_events = max_events
        self._until_idle = until_idle
        self._scope = anyio.CancelScope()
        self._room = anyio.Event()
        self._held: list[bytes] = []
        self.arrived = anyio.Event()
        self.over = anyio.Event()
        self.error: ReconcilerError | None = None

    def stop(self) -> None:
        """Receive no more."""
        self._scope.cancel()

    def made_room(self) -> None:
        """Tell that something was committed."""
        self._room.set()

    async def run(self) -> None:
        """Receive; never raises what it can leave in ``error``, so that what is spooled is still written."""
        try:
            with self._scope:
                await self._receive()
        except ReconcilerError as error:
            self.error = error
        finally:
            with anyio.CancelScope(shield=True):
                await self._source.aclose()
                self._keep_rest()
            self.over.set()
            self.arrived.set()

    async def _receive(self) -> None:
        await self._source.connect()
        while self._max_events is None or self._tally.received < self._max_events:
            messages = None
            with anyio.move_on_after(self._until_idle):
                messages = await self._source.receive()
            if messages is None:
                return
            await self._keep(messages)

    async def _keep(self, messages: list[bytes]) -> None:
        """Write messages to the spool. Where it is full they wait here, and with them all that the server has to send."""
        self._held = messages
        full = False
        while True:
            self._room = anyio.Event()
            try:
                self._append(messages)
            except SpoolFull:
                if not full:
                    self._warn("the spool is full: nothing is received until the database takes what waits")
                full = True
                with anyio.move_on_after(_RETRY_SECONDS):
                    await self._room.wait()
            else:
                break
        self._held = []
        if full:
            self._warn("the spool has room again")

    def _append(self, messages: list[bytes]) -> None:
        self._spool.append(messages, time.time())
        self._tally.keep(len(messages))
        self.arrived.set()

    def _keep_rest(self) -> None:
        rest = self._held + self._source.leftover()
        if not rest:
            return
        try:
            self._append(rest)
        except SpoolFull:
            self._warn(
                f"{len(rest)} events that had just arrived found no room; the server repeats them at the next connection"
            )
        except ReconcilerError as error:
            self.error = self.error or error
