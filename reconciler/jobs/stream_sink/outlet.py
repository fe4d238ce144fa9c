"""From the spool into the database: one batch is prepared while the one before is being written."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
import anyio.lowlevel
import psycopg
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from reconciler.cxone.retry import Policy, backoff
from reconciler.jobs.stream_sink.catalog import Connection
from reconciler.jobs.stream_sink.columns import TableName, TablePlan
from reconciler.jobs.stream_sink.contention import Contention
from reconciler.jobs.stream_sink.database import Database, meaning_of, prepare_tables, said, unreachable, unusable
from reconciler.jobs.stream_sink.events import Prepared, Preparer, SchemaValidator
from reconciler.jobs.stream_sink.intake import Intake
from reconciler.jobs.stream_sink.presence import Presence
from reconciler.jobs.stream_sink.settings import BatchSettings
from reconciler.jobs.stream_sink.spool import Spool, Taken
from reconciler.jobs.stream_sink.tally import Tally
from reconciler.jobs.stream_sink.writer import Writer

_POLICY = Policy(base=0.2, cap=5.0)
_PIECE_EVENTS = 200


@dataclass(slots=True)
class _Batch:
    taken: Taken
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Target:
    """Where events are written: the database, the declared table, the dead letters, and the sink's name in them."""

    database: Database
    plan: TablePlan
    dead_letters: TableName
    sink: str


class Outlet:
    """Writes all that the spool holds, until the intake is over and nothing waits.

    ``known``: the database was reached by an earlier run, so that its being away now is no reason not to begin; ``reached`` is
    called once it has been.
    """

    def __init__(
        self,
        target: Target,
        validator: SchemaValidator,
        batch: BatchSettings,
        spool: Spool,
        intake: Intake,
        tally: Tally,
        *,
        warn: Callable[[str], None],
        known: bool,
        reached: Callable[[], None],
    ) -> None:
        self._target = target
        self._validator = validator
        self._batch = batch
        self._spool = spool
        self._intake = intake
        self._tally = tally
        self._warn = warn
        self._known = known
        self._reached = reached
        self.presence = Presence()
        self._connection: Connection | None = None
        self._writer: Writer | None = None
        self._preparer: Preparer | None = None
        self._fitted: TablePlan | None = None
        self._told: set[str] = set()
        self._contention = Contention(warn, tally.metrics)
        self._hand: list[Taken] = []

    @property
    def oldest(self) -> float | None:
        """When the oldest event that is not committed was received, in seconds since 1970; None where there is none."""
        if self._hand:
            return self._hand[0].received[0]
        return self._spool.next_received

    async def run(self) -> None:
        """Write. Raises `DatabaseUnusable` for what waiting does not mend; all that is not committed stays in the spool."""
        send, receive = anyio.create_memory_object_stream[_Batch](0)
        try:
            await self._retried(self._connect)
            async with anyio.create_task_group() as group, receive:
                group.start_soon(self._prepare, send)
                await self._write(receive)
        finally:
            send.close()
            receive.close()
            await self._drop()

    async def _prepare(self, send: MemoryObjectSendStream[_Batch]) -> None:
        async with send:
            while await self._due():
                taken = self._spool.take(self._batch.max_events, self._batch.max_bytes)
                self._hand.append(taken)
                await send.send(_Batch(taken, await self._prepared(taken)))

    async def _prepared(self, taken: Taken) -> Prepared:
        """Prepare a batch piece by piece, so that receiving and writing go on meanwhile."""
        whole = Prepared(taken.messages, taken.received, [], [], [])
        for first in range(0, len(taken.messages), _PIECE_EVENTS):
            last = first + _PIECE_EVENTS
            assert self._preparer is not None
            part = self._preparer.prepare(taken.messages[first:last], taken.received[first:last], first)
            whole.lines += part.lines
            whole.origins += [first + origin for origin in part.origins]
            whole.refused += part.refused
            await anyio.lowlevel.checkpoint()
        return whole

    async def _due(self) -> bool:
        """Wait until a batch is full, or its first event has waited long enough; False where nothing will come any more."""
        spool, batch = self._spool, self._batch
        while not self._intake.over.is_set() and (
            not spool.unread or (spool.unread < batch.max_events and spool.unread_bytes < batch.max_bytes)
        ):
            self._intake.arrived = anyio.Event()
            left = batch.max_seconds
            if spool.unread:
                left -= time.time() - (spool.next_received or 0.0)
                if left <= 0:
                    return True
            with anyio.move_on_after(min(left, batch.max_seconds) if spool.unread else None):
                await self._intake.arrived.wait()
        return spool.unread > 0

    async def _write(self, receive: MemoryObjectReceiveStream[_Batch]) -> None:
        async for batch in receive:

            async def write(batch: _Batch = batch) -> None:
                if self._connection is None:
                    await self._connect()
                assert self._connection is not None
                assert self._writer is not None
                written = await self._writer.write(self._connection, batch.prepared)
                # No await between here and the commit's note: what is committed is counted exactly once.
                self._spool.commit(batch.taken)
                self._hand.pop(0)
                self._tally.wrote(written.accepted, written.refused)
                self._intake.made_room()

            await self._retried(write)

    async def _retried(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something with the database, as often as it takes while it is away or others are in the way."""
        attempt = 0
        while True:
            try:
                await work()
            except psycopg.Error as error:
                password, meaning = self._target.database.password, meaning_of(error)
                if meaning != "contended" or (self._connection is not None and self._connection.closed):
                    await self._drop()
                if meaning not in ("away", "contended"):
                    raise unusable(self._target.database, error, secret=password) from error
                attempt += 1
                if meaning == "away":
                    self._away(said(error, secret=password), error)
                else:
                    self._there(blocked=True)
                    self._contention.met(error, said(error, secret=password), attempt)
                await anyio.sleep(backoff(attempt, _POLICY, random.SystemRandom().random()))
            else:
                self._there(blocked=False)
                return

    def _there(self, *, blocked: bool) -> None:
        if self.presence.set(away=False, blocked=blocked):
            self._warn(f"the database {self._target.database.shown} is back")

    def _away(self, text: str, error: psycopg.Error) -> None:
        if not self._known:
            raise unreachable(self._target.database, text) from error
        if self.presence.set(away=True):
            self._warn(f"the database {self._target.database.shown} is away ({text}); events wait in the spool")

    async def _connect(self) -> None:
        """Connect, and compare the tables again: they may have been changed meanwhile."""
        connection = await self._target.database.open()
        try:
            fitted = await prepare_tables(connection, self._target.plan, self._target.dead_letters, self._tell_once)
            if fitted != self._fitted or self._writer is None:
                self._fitted = fitted
                self._preparer = Preparer(self._validator, fitted)
                self._writer = Writer(fitted, self._target.dead_letters, self._target.sink)
            await self._writer.ready(connection)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await connection.close()
            raise
        self._connection = connection
        self._known = True
        self._reached()

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._warn(text)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with anyio.CancelScope(shield=True), suppress(psycopg.Error):
                await connection.close()
