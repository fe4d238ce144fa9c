"""One apply from beginning to end: lock, journal, changes, ledger, audit, read-back, account."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import anyio.to_thread

from reconciler import __version__
from reconciler.core.kind import Kinds
from reconciler.core.plan import Change, Plan
from reconciler.core.report import Report, Result
from reconciler.core.resource import Entry, Key, Observed, Pin
from reconciler.core.values import Bundle, Secret, Unknown
from reconciler.cxone.client import Client
from reconciler.engine.apply import Stop, apply_changes
from reconciler.engine.clock import now, stamp
from reconciler.engine.closing import Closing
from reconciler.engine.concurrency import first_error
from reconciler.engine.intents import Intents
from reconciler.engine.perform import Held, Performer, Progress, Settled
from reconciler.engine.pipeline import pipeline_run
from reconciler.engine.prepare import prepare
from reconciler.engine.readback import Gone, Seen
from reconciler.engine.resuming import not_recorded, progress_of
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.journal import JournalState, entry_record, pin_to_json
from reconciler.engine.state.journal_writer import Journal
from reconciler.engine.state.ledger import LedgerWriter
from reconciler.errors import LeaseLost, LedgerDamaged, LedgerError, StorageError

SAVE_SECONDS = 5.0
"""Seconds between writes of the ledger while an apply runs; the journal holds what came since."""


@dataclass(slots=True)
class Runner:
    """Carries out a plan under the store's lease, which the caller holds.

    ``resolve`` finds secrets, ``fingerprint`` marks them, ``planned`` is how the plan's marks were made where that is another
    way, ``content`` builds bundles; ``confirm`` raises `LeaseLost` where the lease is no longer ours; ``listen`` is told each
    result as it comes.
    """

    client: Client
    kinds: Kinds
    writer: LedgerWriter
    journal: Journal
    audit: AuditLog
    style: Any
    resolve: Callable[[Secret], Secret]
    fingerprint: Callable[[Secret], str]
    content: Callable[[Bundle], bytes]
    planned: Callable[[Secret], str] | None = None
    replan: bool = False
    parallelism: int = 10
    confirm: Callable[[], None] = lambda: None
    listen: Callable[[Result], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None
    stop: Stop = field(default_factory=Stop)
    live: dict[Key, Observed] = field(default_factory=dict)
    before: Mapping[Key, Entry] = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    intents: Intents = field(init=False)

    async def apply(self, plan: Plan) -> Report:
        """Apply a plan. Whatever would make it impossible is raised before the journal begins and anything is sent."""
        self.before = dict(self.writer.entries)
        changes = self._prepared(plan)
        if not changes:
            return Report(header=plan.header, acknowledged=plan.acknowledged)
        # Planning took its time: who has lost the lease meanwhile must not put a journal in place of somebody else's.
        self.confirm()
        self.writer.save()
        pipeline = {"pipeline": name} if (name := pipeline_run(os.environ)) else {}
        self.audit.add("apply-began", at=stamp(now()), run=self.run_id, changes=len(changes), **pipeline)
        # A log that cannot be written is found out now, and not when there is something to tell.
        self.audit.flush()
        # As prepared: whoever resumes must find the same steps, and marks of secrets that fit the ledger's salt.
        prepared = replace(plan, changes=tuple(changes))
        self.journal.begin({"run": self.run_id, "started": stamp(now()), "tool": __version__}, prepared)
        report = await self._carry_out(changes, {})
        return replace(report, header=plan.header, acknowledged=plan.acknowledged)

    async def resume(self, state: JournalState, plan: Plan) -> Report:
        """Go on with an interrupted apply from its journal and the plan in it, never from current manifests."""
        self.run_id = state.run_id
        self.before = dict(self.writer.entries)
        for key, entry, moved_from in state.entries:
            self.writer.put(key, entry, moved_from)
        self.journal.resume()
        left = tuple(change for change in plan.changes if change.key not in state.done)
        progress = {key: progress_of(state, key) for key in state.steps}
        report = await self._carry_out(self._prepared(replace(plan, changes=left)), progress)
        return replace(report, header=plan.header, acknowledged=plan.acknowledged)

    def _prepared(self, plan: Plan) -> list[Change]:
        changes, warnings = prepare(
            plan,
            self.writer.ledger,
            self.kinds,
            resolve=self.resolve,
            fingerprint=self.fingerprint,
            content=self.content,
            planned=self.planned,
        )
        for warning in warnings:
            self.warn(warning)
        return changes

    async def _carry_out(self, changes: Sequence[Change], progress: Mapping[Key, Progress]) -> Report:
        self.client.allow_writes_while(self.confirm)
        self.intents = Intents(self.journal, self.run_id, self.parallelism, self._known)
        performer = Performer(
            self.client,
            self.kinds,
            self,
            self.run_id,
            self.style,
            self.replan,
            self._identify,
            self.content,
            self.before.get,
            self.live.__setitem__,
            self.confirm,
        )

        async def perform(change: Change) -> Settled:
            return await performer.perform(change, progress.get(change.key, Progress()))

        def ready(change: Change) -> None:
            if change.key not in progress:
                self.intents.ready(change)

        results: list[Result] = []
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._save_now_and_then)
                results = await apply_changes(
                    changes, perform, parallelism=self.parallelism, stop=self.stop, listen=self._listen, ready=ready
                )
                group.cancel_scope.cancel()
        except BaseExceptionGroup as error:
            raise first_error(error) from error
        return await self._finish(changes, results)

    async def _finish(self, changes: Sequence[Change], results: list[Result]) -> Report:
        # Where the lease is lost the ledger is somebody else's now.
        trouble: LedgerError | StorageError | None = self._lost()
        seen = Seen()
        if trouble is None:
            # Until the ledger is saved, at the end, the journal has all of it.
            self.intents.withdraw()
            unsettled = await self._unsettled()
            applied = {item.key for item in results if item.outcome == "applied"}
            touched = self._touched([change for change in changes if change.steps and change.key in applied])
            if not self.stop.requested and touched:
                closing = Closing(self.client, self.kinds, self.writer, self.live, self.before)
                seen = await closing.read_back(touched)
            self.audit.add("apply-ended", at=stamp(now()), applied=len(applied), changes=len(results))
            trouble = self._unsaved() or unsettled or self._unended(results)
        if trouble is not None:
            warning = not_recorded(trouble, results, journal_open=self._open(results))
            if warning:
                self.warn(warning)
        return Report(tuple(results), tuple(seen.diverged), self.stop.signal, self.client.requests_by_method)

    def _touched(self, changes: Sequence[Change]) -> dict[Key, Entry | Gone]:
        """What is to be read back of changes that were applied."""
        entries = self.writer.entries
        return {
            change.key: Gone(change.resource_id) if change.action == "delete" else entries[change.key]
            for change in changes
            if change.action == "delete" or change.key in entries
        }

    def _open(self, results: Sequence[Result]) -> bool:
        """Whether the journal must stay open: for what a signal kept from being sent, and for answers that never came."""
        if any(item.outcome == "unknown" for item in results):
            return True
        return bool(self.stop.signal) and any(item.outcome == "skipped" for item in results)

    def _listen(self, result: Result) -> None:
        self.audit.add(
            "change",
            at=stamp(now()),
            resource=str(result.key),
            what=result.action,
            outcome=result.outcome,
            code=result.code,
        )
        self.listen(result)

    async def _save_now_and_then(self) -> None:
        while True:
            await anyio.sleep(SAVE_SECONDS)
            if self._lost() is None:
                # In a thread of its own: a shared ledger may be slow, and what is in flight must not wait for it.
                error = await self._unsettled() or await anyio.to_thread.run_sync(self._unsaved)
                if isinstance(error, LedgerError):
                    self.stop.ask(error.message, error=error)

    async def _unsettled(self) -> LedgerError | StorageError | None:
        """Make the outcomes so far durable; gives what kept that from being done."""
        try:
            await self.journal.settle()
        except (LedgerError, StorageError) as error:
            return error
        return None

    def _unsaved(self) -> LedgerError | StorageError | None:
        """Save audit log and ledger; gives what kept that from being done. All of it is in the journal until it is."""
        try:
            self.writer.save(audit_head=self.audit.flush())
        except (LedgerError, StorageError) as error:
            return error
        return None

    def _unended(self, results: Sequence[Result]) -> LedgerError | StorageError | None:
        """End the journal, unless it must stay open; gives what kept that from being done."""
        try:
            if not self._open(results):
                self.journal.end()
        except (LedgerError, StorageError) as error:
            return error
        return None

    def _lost(self) -> LeaseLost | None:
        """Why the lease is not ours any more, None where it is."""
        try:
            self.confirm()
        except LeaseLost as error:
            return error
        return None

    def _known(self, key: Key) -> Entry | None:
        """The ledger's entry of a key, or what it was before this run."""
        return self.writer.entries.get(key) or self.before.get(key)

    def _identify(self, reference: Unknown) -> str:
        """The live value of a reference; what it names was applied before, or existed already."""
        key = Key(reference.kind, reference.name)
        live = self.live.get(key)
        if live is not None:
            value = live.id if reference.field == "id" else live.body.get(reference.field)
            if value is not None:
                return str(value)
        entry = self.writer.entries.get(key)
        if entry is not None and reference.field == "id":
            return entry.id
        if entry is not None and isinstance(value := entry.fields.get(reference.field), str):
            return value
        raise LedgerDamaged(f"{reference} is not known although {key} was applied", fix="plan and apply again")

    async def intent(self, key: Key, step: int, operation: str, pin: Pin, idempotency_key: str) -> None:
        """Record that a request is about to be sent (`Recorder`)."""
        await self.intents.intend(key, step, operation, pin, idempotency_key)

    def outcome(self, key: Key, step: int, settled: Settled, held: Held | None, *, last: bool) -> None:
        """Record what became of a request, with the ledger's entry and the change's end (`Recorder`)."""
        record = {
            "record": "outcome",
            "key": str(key),
            "step": step,
            "outcome": settled.outcome,
            "id": settled.resource_id,
            "pin": pin_to_json(settled.pin),
            "code": settled.error.code if settled.error else "",
        }
        done = [_done(key)] if last and settled.outcome == "applied" else []
        self.journal.note(*self._entered(key, held), record, *done)

    def done(self, key: Key, held: Held | None) -> None:
        """Record the end of a change for which nothing had to be sent (`Recorder`)."""
        self.journal.note(*self._entered(key, held), _done(key))

    def _entered(self, key: Key, held: Held | None) -> list[dict[str, Any]]:
        """Take an entry over into the ledger; gives the journal's record of it."""
        if held is None:
            return []
        self.writer.put(key, held.entry, held.moved_from)
        return [entry_record(key, held.entry, held.moved_from)]


def _done(key: Key) -> dict[str, Any]:
    return {"record": "done", "key": str(key)}
