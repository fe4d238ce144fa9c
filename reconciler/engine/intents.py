"""What is about to be sent is on record before it is sent; so that few wait for that, what comes next is written with it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from reconciler.core.plan import Change
from reconciler.core.resource import NOTHING_THERE, Entry, Key, Pin
from reconciler.core.seal import has_secret
from reconciler.engine.state.journal import pin_to_json
from reconciler.engine.state.journal_writer import Journal

ROUNDS: Final = 2
"""How many changes, times those that are carried out at once, may be on record before their turn.

A bucket answers while the first half of them is used up. There are no more, as who resumes must take each that is no create for
one that may be sent.
"""


def idempotency_key(run_id: str, key: Key, step: int) -> str:
    """The key of one request of one run, the same for whoever resumes it."""
    return hashlib.sha256(f"{run_id}/{key}/{step}".encode()).hexdigest()[:40]


@dataclass(slots=True)
class _Batch:
    """Intents that are being written down ahead; ``over`` is set once they are ``durable``, or never will be."""

    records: Mapping[Key, Mapping[str, Any]]
    over: anyio.Event = field(default_factory=anyio.Event)
    durable: bool = False


@dataclass(slots=True)
class Intents:
    """Keeps the intents of a run's requests. ``entry_of`` gives the ledger's entry of a key as it is now.

    Of an update or a delete, an intent whose request was never sent says no more than one whose answer was lost: whoever resumes
    sends it with the same pin. A create has no pin, and what somebody else made meanwhile must not be taken for ours: its turn is
    noted when it comes, and without that note whoever resumes begins anew, with the same idempotency key. What was written ahead and
    will not be sent is withdrawn at the end of a run.
    """

    journal: Journal
    run_id: str
    parallelism: int
    entry_of: Callable[[Key], Entry | None]
    _queue: deque[Change] = field(default_factory=deque, init=False)
    _waiting: set[Key] = field(default_factory=set, init=False)
    _ahead: dict[Key, Mapping[str, Any]] = field(default_factory=dict, init=False)
    _coming: _Batch | None = field(default=None, init=False)

    def ready(self, change: Change) -> None:
        """Say that a change waits for nothing but its turn, and that nothing of it was ever sent."""
        if change.steps:
            self._queue.append(change)
            self._waiting.add(change.key)

    async def intend(self, key: Key, step: int, operation: str, pin: Pin, idempotency_key: str) -> None:
        """Return once the intent of a request is durable. Raises what `Journal.append` does."""
        record = self._record(key, step, operation, pin, idempotency_key)
        self._waiting.discard(key)
        coming = self._coming
        if coming is not None and coming.records.get(key) == record:
            await coming.over.wait()
            on_record = coming.durable
        else:
            on_record = self._ahead.pop(key, None) == record
        if on_record:
            await self._begun(key, operation)
        else:
            await self._write(record)
        self.journal.require_whole()

    async def _begun(self, key: Key, operation: str) -> None:
        if operation == "create":
            self.journal.note({"record": "begun", "key": str(key)}, counted=False)
        if self.journal.noted >= self.parallelism or (self._coming is None and self._few()):
            # One of them waits before the last is used up, and all once much of what was answered could be forgotten.
            await self._write()

    async def _write(self, *first: Mapping[str, Any]) -> None:
        following = self._following() if self._coming is None else {}
        batch = _Batch(following)
        if following:
            self._coming = batch
        try:
            if first or following:
                await self.journal.append(*first, *map(_written_ahead, following.values()))
            else:
                await self.journal.settle()
            batch.durable = True
            # Whose turn came meanwhile has begun.
            self._ahead |= {key: record for key, record in following.items() if key in self._waiting}
        finally:
            if following:
                self._coming = None
            batch.over.set()

    def _following(self) -> dict[Key, Mapping[str, Any]]:
        """The intents of the changes whose turn comes next, as many as may be on record before it."""
        found: dict[Key, Mapping[str, Any]] = {}
        while self._queue and len(self._ahead) + len(found) < ROUNDS * self.parallelism:
            change = self._queue.popleft()
            if change.key not in self._waiting:
                continue
            # Not what is compared instead of pinned: that is read first. Nor secrets, which cannot be read: where nobody sent them,
            # what is live must never be taken for ours.
            if not change.pin.best_effort and not has_secret(change.steps[0].body):
                found[change.key] = self._first(change)
        return found

    def _first(self, change: Change) -> Mapping[str, Any]:
        """The intent of a change's first request."""
        operation = change.steps[0].operation
        pin = NOTHING_THERE if operation == "create" else change.pin
        return self._record(change.key, 0, operation, pin, idempotency_key(self.run_id, change.key, 0))

    def _record(self, key: Key, step: int, operation: str, pin: Pin, idempotency: str) -> Mapping[str, Any]:
        entry = self.entry_of(key)
        return {
            "record": "intent",
            "key": str(key),
            "step": step,
            "operation": operation,
            "pin": pin_to_json(pin),
            "idempotency": idempotency,
            "id": entry.id if entry else "",
        }

    def _few(self) -> bool:
        return bool(self._queue) and len(self._ahead) < ROUNDS * self.parallelism // 2

    def withdraw(self) -> None:
        """Say in the journal which requests were never sent, now that none will be."""
        self.journal.note(*({"record": "withdrawn", "key": str(key)} for key in self._ahead))
        self._ahead.clear()


def _written_ahead(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**record, "ahead": True} if record["operation"] == "create" else record
