"""What a sync of a data extension writes. Each step is one transaction, with the place from which to go on in it.

So whoever takes a sync over, after a restart say, neither loses a record nor counts one twice. An INCREMENTAL sync
writes into the extension at once; a FULL one gathers its records aside and takes the place of all of them at its end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial

from reconciler.emulator.clock import Clock, timestamp
from reconciler.emulator.fields import Doc
from reconciler.emulator.kind import Kind
from reconciler.emulator.records import Records
from reconciler.emulator.resources import Resources
from reconciler.emulator.store import Store
from reconciler.emulator.syncs.conversion import Converted, Plan, convert
from reconciler.emulator.syncs.progress import Progress, SyncFailedError, status_body
from reconciler.emulator.syncs.source import Page
from reconciler.emulator.syncs.table import Phase, Row, SyncTable

_MIB = 1024 * 1024


class SyncGoneError(Exception):
    """The sync is no longer kept: its extension was deleted, or everything was."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What syncs of extensions work with. ``kind`` is that of extensions."""

    store: Store
    clock: Clock
    kind: Kind
    resources: Resources
    records: Records
    table: SyncTable
    webhook_secret: str | None


class Landing:
    """One sync's writes. Raises SyncGoneError once it is no longer kept, and SyncFailedError where it can't go on."""

    def __init__(self, parts: Parts, row: Row) -> None:
        self._parts = parts
        self._request = row.request
        self._full = row.request["syncMode"] == "FULL"
        self._owner = row.id if self._full else row.resource
        self.id = row.id
        self.extension = row.resource
        self.progress = Progress(**row.state)

    def begin(self) -> None:
        """Note that the sync runs now, and how much there is already of what it adds to."""
        with self._parts.store.transaction():
            used = sum(len(line) for _, line in self._parts.records.all(self._owner))
            now = replace(self.progress, status="RUNNING", used_bytes=used)
            self._keep(now, "syncing")
        self.progress = now

    def land(self, page: Page, size: int) -> bool:
        """Store the next records of a page, ``size`` of them at most; says whether the page is dealt with."""
        now = replace(self.progress, errors=list(self.progress.errors))
        if not now.position:
            now.total += len(page.records)
        part = page.records[now.position : now.position + size]
        with self._parts.store.transaction():
            doc, server = self._extension()
            plan = self._plan(doc, now)
            converted = convert(plan, part, now.stored + now.rejected, partial(self._parts.records.read, self._owner))
            self._account(now, doc, converted, len(part))
            lines = converted.lines
            added = self._parts.records.write(self._owner, list(lines), list(lines.values())) if lines else 0
            if not self._full:
                self._recount(doc, server, server["recordCount"] + added, now)
            if now.position >= len(page.records):
                now.url, now.position = page.next, 0
            self._keep(now, "syncing")
        self.progress = now
        return now.position == 0

    def _account(self, now: Progress, doc: Doc, converted: Converted, size: int) -> None:
        now.position += size
        now.stored += converted.accepted
        now.rejected += len(converted.errors)
        now.note(converted.errors)
        now.used_bytes += converted.growth_bytes
        limit = doc["storageLimitMb"]
        if now.used_bytes > limit * _MIB:
            raise SyncFailedError("STORAGE_LIMIT_EXCEEDED", f"the extension may hold {limit} MB at most")

    def _plan(self, doc: Doc, now: Progress) -> Plan:
        """Give the plan; fields that were changed meanwhile are a conflict, which the request may let pass."""
        if doc["fields"] != now.fields:
            names = {field["name"] for field in doc["fields"]}
            gone = [mapping["target"] for mapping in self._request["fieldMappings"] if mapping["target"] not in names]
            if gone or not self._request["options"]["retryOnConflict"]:
                what = f"{gone[0]!r} is no field any more" if gone else "the fields have changed"
                raise SyncFailedError("SCHEMA_CONFLICT", f"the extension was changed during the sync: {what}")
            now.fields = doc["fields"]
        return Plan.of(doc["fields"], self._request)

    def finish(self, failure: SyncFailedError | None = None) -> None:
        """End the records' part: COMPLETED, or FAILED where something stops it or no record could be stored."""
        now = replace(self.progress, completed_at=timestamp(self._parts.clock.now()))
        with self._parts.store.transaction():
            if failure is not None:
                now.fail(failure)
            else:
                now.status = "FAILED" if now.total and not now.stored else "COMPLETED"
            if self._full and now.status == "COMPLETED":
                doc, server = self._extension()
                self._recount(doc, server, len(self._parts.records.shelf(self._owner)), now)
                self._parts.records.move(self._owner, self.extension)
            elif self._full:
                self._parts.records.drop(self._owner)
            self._keep(now, "notifying" if "webhookUrl" in self._request else "done")
        self.progress = now

    def note_attempt(self, attempt: Doc, *, last: bool) -> None:
        """Note a call of the webhook; after the ``last`` one nothing is left to do."""
        now = replace(self.progress, attempts=[*self.progress.attempts, attempt])
        with self._parts.store.transaction():
            self._keep(now, "done" if last else "notifying")
        self.progress = now

    def body(self) -> bytes:
        """Give the status as the webhook is told."""
        return status_body(self.id, self.extension, self.progress)

    def _extension(self) -> tuple[Doc, Doc]:
        if self._parts.store.collections[self._parts.kind.name].get(self.extension) is None:
            raise SyncGoneError(self.id)
        return self._parts.resources.load(self._parts.kind, self.extension)

    def _recount(self, doc: Doc, server: Doc, records: int, now: Progress) -> None:
        used = -(-now.used_bytes // _MIB)
        server |= {"recordCount": records, "storageUsedMb": used}
        self._parts.resources.settle(self._parts.kind, self.extension, doc, server)

    def _keep(self, now: Progress, phase: Phase) -> None:
        if not self._parts.table.update(self.id, asdict(now), phase):
            raise SyncGoneError(self.id)
