"""What an apply does behind its last change: reading back what it touched, and the ledger's part of what that shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import anyio
import anyio.lowlevel

from reconciler.core.kind import Kinds
from reconciler.core.resource import Entry, Key, Observed
from reconciler.core.sameness import spelling
from reconciler.core.settled import divergence
from reconciler.cxone.client import Client
from reconciler.engine.concurrency import first_error
from reconciler.engine.readback import Seen, Touched, read_back
from reconciler.engine.state.ledger import LedgerWriter

_AT_ONCE = 20
"""Entries that are spelled before whatever else is ready has its turn: less than a millisecond."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the ledger will hold of a resource if it is still as its last write was answered, and how that answer is spelled."""

    entry: Entry
    body: bytes


@dataclass(slots=True)
class Closing:
    """Reads back and takes in. ``live`` is what the tenant answered to writes, ``before`` what the ledger held at first.

    While the listings are under way the answers are compared with the ledger, and entries spelled as they will be if the resources
    are still as answered: what is left to do then is to see that they are, and to write.
    """

    client: Client
    kinds: Kinds
    writer: LedgerWriter
    live: Mapping[Key, Observed]
    before: Mapping[Key, Entry]
    _expected: dict[Key, _Expected] = field(default_factory=dict, init=False)

    async def read_back(self, touched: Touched) -> Seen:
        """Read what was touched, and note in the ledger what was seen of it."""
        seen = Seen()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._expect, touched)
                seen = await read_back(self.client, self.kinds, touched, anyio.sleep, self._as_answered)
        except BaseExceptionGroup as error:
            raise first_error(error) from error
        self._take_in(seen)
        return seen

    async def _expect(self, touched: Touched) -> None:
        for number, (key, entry) in enumerate(touched.items(), 1):
            live = self.live.get(key)
            if live is not None and isinstance(entry, Entry):
                self._expect_of(key, entry, live)
            if number % _AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()

    def _expect_of(self, key: Key, entry: Entry, live: Observed) -> None:
        body = spelling(live.body)
        if body is not None and not divergence(self.kinds[key.kind], entry, live):
            expected = replace(entry, etag=live.etag)
            self._expected[key] = _Expected(expected, body)
            self.writer.texts.of(key, expected)

    def _as_answered(self, key: Key, found: Observed) -> bool:
        """Whether a resource is still what its last write was answered with, which was as it should be."""
        expected = self._expected.get(key)
        return expected is not None and spelling(found.body) == expected.body

    def _take_in(self, seen: Seen) -> None:
        entries = self.writer.entries
        for key, etag in seen.etags.items():
            expected = self._expected.get(key)
            if expected is not None and expected.entry.etag == etag:
                self.writer.put(key, expected.entry)
            elif (entry := entries.get(key)) is not None:
                self.writer.put(key, replace(entry, etag=etag))
        for key in seen.kept & self.before.keys():
            # It stays ours, so that the next plan deletes it again instead of knowing nothing of it.
            self.writer.put(key, self.before[key])
