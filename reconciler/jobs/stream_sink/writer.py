"""Writing one batch: COPY, upsert and dead letters in one transaction, and finding the rows that PostgreSQL refuses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from reconciler.jobs.stream_sink.catalog import Connection
from reconciler.jobs.stream_sink.columns import TableName, TablePlan
from reconciler.jobs.stream_sink.database import meaning_of, said
from reconciler.jobs.stream_sink.events import Prepared, Refused
from reconciler.jobs.stream_sink.statements import (
    copy_statement,
    dead_letter_statement,
    merge_statement,
    staging_statement,
)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: events in the table (or older than what stands there), and in the dead letters."""

    accepted: int
    refused: int


class Writer:
    """Writes batches for one sink. A connection is made ready by `ready` once, and thrown away by the caller when it breaks."""

    def __init__(self, plan: TablePlan, dead_letters: TableName, sink: str) -> None:
        self._sink = sink
        self._staging = staging_statement(plan)
        self._copy = copy_statement(plan)
        self._merge = merge_statement(plan)
        self._dead_letter = dead_letter_statement(dead_letters)

    async def ready(self, connection: Connection) -> None:
        """Make the staging table, which lives as long as the connection."""
        await connection.execute(self._staging)

    async def write(self, connection: Connection, batch: Prepared) -> Written:
        """Write a whole batch, or nothing of it. Raises `psycopg.Error` for what is not about single rows."""
        try:
            async with connection.transaction():
                await self._rows(connection, batch.lines)
                await self._letters(connection, batch.refused)
            return Written(len(batch.lines), len(batch.refused))
        except psycopg.Error as error:
            if meaning_of(error) != "data" or connection.closed:
                raise
        return await self._salvage(connection, batch)

    async def _salvage(self, connection: Connection, batch: Prepared) -> Written:
        """Write what can be written: halves, quarters … until the rows that are refused stand alone."""
        refused = list(batch.refused)
        async with connection.transaction():
            # A constraint that waits for the end of the transaction could not be told from any other row's.
            await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            waiting = [(0, len(batch.lines))]
            while waiting:
                start, end = waiting.pop()
                if start == end:
                    continue
                error = await self._part(connection, batch.lines[start:end])
                if error is None:
                    continue
                if end - start > 1:
                    middle = (start + end) // 2
                    waiting += [(middle, end), (start, middle)]
                    continue
                origin = batch.origins[start]
                reason = f"{said(error)} [{error.sqlstate}]"
                refused.append(Refused(batch.raws[origin], batch.received[origin], "database", reason))
            await self._letters(connection, refused)
        return Written(len(batch.raws) - len(refused), len(refused))

    async def _part(self, connection: Connection, lines: Sequence[str]) -> psycopg.Error | None:
        """Write some rows inside the transaction; gives the error where they are refused, and nothing of them is left then."""
        try:
            async with connection.transaction():
                await self._rows(connection, lines)
                await connection.execute("TRUNCATE pg_temp.reconciler_staging")
        except psycopg.Error as error:
            if meaning_of(error) != "data" or connection.closed:
                raise
            return error
        return None

    async def _rows(self, connection: Connection, lines: Sequence[str]) -> None:
        if not lines:
            return
        data = ("\n".join(lines) + "\n").encode()
        async with connection.cursor() as cursor:
            async with cursor.copy(self._copy) as copy:
                await copy.write(data)
            await cursor.execute(self._merge, prepare=True)

    async def _letters(self, connection: Connection, refused: Sequence[Refused]) -> None:
        if not refused:
            return
        try:
            async with connection.transaction():
                await connection.execute(self._dead_letter, _letters(self._sink, refused, plain=True))
        except psycopg.DataError:
            # The database's own encoding lacks a character.
            await connection.execute(self._dead_letter, _letters(self._sink, refused, plain=False))


def fingerprint(raw: bytes) -> str:
    """What tells whether two raw events are the same one: SHA-256, hex."""
    return hashlib.sha256(raw).hexdigest()


def _letters(sink: str, refused: Sequence[Refused], *, plain: bool) -> list[object]:
    events = [_written(item.raw, plain=plain) for item in refused]
    reasons = [item.reason.replace("\0", "\\0") for item in refused]
    return [
        sink,
        [fingerprint(item.raw) for item in refused],
        [item.by for item in refused],
        reasons if plain else [reason.encode("ascii", "backslashreplace").decode() for reason in reasons],
        [text for text, _ in events],
        [encoding for _, encoding in events],
        [item.received for item in refused],
    ]


def _written(raw: bytes, *, plain: bool) -> tuple[str, str]:
    """A raw event as text that PostgreSQL can hold, and how it is written."""
    if plain and b"\0" not in raw:
        try:
            return raw.decode(), "utf-8"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(raw).decode(), "base64"
