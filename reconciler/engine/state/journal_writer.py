"""Writing a journal: what must be durable before something is sent waits for the disk, together with whoever else does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import orjson

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_to_record
from reconciler.engine.state.journal import FORMAT_VERSION, in_own_format, whole_length
from reconciler.engine.state.journal_lines import END, NAME, line_of, line_of_group
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerError, PlanFileError, StorageError

QUICK_SECONDS: Final = 0.002
"""How long a write may hold up everything else that is in flight, going by those before."""


@dataclass(slots=True)
class _Group:
    """Records that wait to be written together."""

    records: list[Mapping[str, Any]] = field(default_factory=list)
    notes: int = 0
    durable: bool = False


class Journal:
    """Writes records with group commit: callers that come together share one write and one fsync.

    A store of which any of the last writes took less than `QUICK_SECONDS` is written to at once, any other in a thread of its own:
    waiting for a thread takes milliseconds where much is in flight.

    After a write that failed it takes nothing more: what is not on record must not be sent, and what comes after a gap must not
    look complete.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._lock = anyio.Lock(fast_acquire=True)
        self._group = _Group()
        self._failure: LedgerError | StorageError | None = None
        self._took: deque[float] = deque(maxlen=4)

    def begin(self, header: Mapping[str, Any], plan: Plan) -> None:
        """Start a journal with its header and plan, in place of one that has ended.

        Raises `PlanFileError` for a plan that it cannot hold.
        """
        try:
            # Change by change: all of a large plan in one structure takes half as long again, and much more memory.
            changes = plan_to_record(plan, _spelled)
            line = line_of({"record": "header", "format_version": FORMAT_VERSION, **header, "plan": changes})
        except TypeError as error:
            raise PlanFileError(
                "the plan holds what no journal can: whole numbers beyond 64 bits, lone surrogates, or maps and lists that are "
                "nested far too deep",
                fix="take them out of the manifests, and plan again",
            ) from error
        self._store.delete(NAME)
        self._store.append(NAME, line)

    def resume(self) -> None:
        """Go on with an open journal: a torn end is cut off before anything is added behind it, in this version's format."""
        data = self._store.read_log(NAME)
        ours = in_own_format(data[: whole_length(data)])
        if ours != data:
            self._store.rewrite_log(NAME, ours)

    def note(self, *records: Mapping[str, Any], counted: bool = True) -> None:
        """Take records that become durable with the next ones that must be, before those, or when `settle` is called."""
        self._group.records += records
        self._group.notes += counted

    @property
    def noted(self) -> int:
        """How many times something that counts was noted and is not being made durable yet."""
        return self._group.notes

    async def settle(self) -> None:
        """Make durable all that was noted. Raises as `append`, also where a write that held any of it has failed before."""
        self.require_whole()
        if self._group.records:
            await self.append()

    async def append(self, *records: Mapping[str, Any]) -> None:
        """Make records durable, with all that was noted before them; returns once they are.

        Raises `StorageError`, or `LedgerConflict` where somebody else wrote.
        """
        group = self._group
        group.records += records
        # Whoever else is ready at this moment comes first, so that one write serves all of them.
        await anyio.lowlevel.checkpoint()
        if group.durable:
            return
        async with self._lock:
            if not group.durable:
                self.require_whole()
                # Who took it out before may have been broken off by what is no failure to write: then there is another by now.
                if self._group is group:
                    self._group = _Group()
                # What was taken out to be written is written, whoever is cancelled.
                with anyio.CancelScope(shield=True):
                    await self._write(group)

    async def _write(self, group: _Group) -> None:
        data = line_of_group(group.records)
        try:
            if self._took and min(self._took) < QUICK_SECONDS:
                self._append(data)
            else:
                await anyio.to_thread.run_sync(self._append, data)
        except LedgerError as error:
            self._failure = error
            raise
        except StorageError as error:
            self._failure = StorageError(error.message, fix=f"{error.fix}; then `reconciler apply --resume`")
            raise self._failure from error
        group.durable = True

    def _append(self, data: bytes) -> None:
        begun = time.perf_counter()
        self._store.append(NAME, data)
        self._took.append(time.perf_counter() - begun)

    def require_whole(self) -> None:
        """Raise what a write failed with, if one did: nothing may be sent any more."""
        if self._failure is not None:
            raise type(self._failure)(self._failure.message, fix=self._failure.fix) from self._failure

    def end(self) -> None:
        """Close the journal: its run needs no resuming. Raises `StorageError`."""
        self.require_whole()
        self._store.append(NAME, END)


def _spelled(change: dict[str, Any]) -> orjson.Fragment:
    """A change as its JSON, refused where it is so deep that the record of its entry, which is deeper inside, could not be written."""
    return orjson.Fragment(orjson.dumps([[change]])[2:-2])
