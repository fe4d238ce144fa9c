"""One run of an extension sync, from the schema to the report."""

from __future__ import annotations

import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import anyio
from anyio.to_thread import run_sync

from reconciler.engine.clock import stamp
from reconciler.errors import JobFailed, ReconcilerError
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync.fields import Field, read_fields
from reconciler.jobs.extension_sync.finish import account_of, figures, files_of, finish, is_full
from reconciler.jobs.extension_sync.offer import QUARANTINE, lay_out
from reconciler.jobs.extension_sync.pages import drop_pages
from reconciler.jobs.extension_sync.records import SyncRecords
from reconciler.jobs.extension_sync.run_record import RunRecord, forget
from reconciler.jobs.extension_sync.servers import offer_pages, open_webhook, webhook_secret
from reconciler.jobs.extension_sync.start import (
    checked_fields,
    mapping_of,
    request_body,
    source_url,
    start,
)
from reconciler.jobs.extension_sync.status import SyncStatus
from reconciler.jobs.extension_sync.wait import Asking, wait_for_end
from reconciler.jobs.job import need_extra
from reconciler.jobs.records.quarantine import place_of
from reconciler.jobs.report import Account, JobReport


@dataclass(slots=True)
class Run:
    """What the parts of one run share. ``ours``: the records are offered from here."""

    context: JobContext
    record: RunRecord
    records: SyncRecords
    ours: bool


async def run(context: JobContext) -> JobReport:
    """Begin a sync, or with ``--resume`` take up the one on record, and see it to its end."""
    options = context.options
    stored = None if options.dry_run else RunRecord.load(context.folder)
    if options.resume and stored is None:
        return JobReport(context.key, messages=("nothing to resume: no sync is on record",), dry_run=options.dry_run)
    if stored is not None and stored.digest and not options.resume:
        begun = stamp(datetime.fromtimestamp(stored.begun_at, UTC))
        context.warn(f"the sync begun at {begun} is not waited for; --resume would have done so")
    record = stored if stored is not None and options.resume else _new_record(context)
    ours = bool(record.replay) or hasattr(context.spec.source, "path")
    if ours:
        need_extra("ingest", "polars")
    current = Run(context, record, SyncRecords.load(context.folder), ours)
    webhook_secret(context.manifest)
    context.progress.begin(None)
    if record.sync_job:
        return await _see_through(current, {})
    record.extension = await context.resolve("DataExtension", context.spec.extension_ref)
    fields = await checked_fields(context, record.extension)
    if ours and not record.offered:
        report = await _lay_out(current, fields)
        if report is not None:
            return report
    if options.dry_run:
        message = "the schema is as declared; the tenant would fetch the source itself"
        return JobReport(context.key, messages=(message,), dry_run=True)
    return await _see_through(current, fields)


def _new_record(context: JobContext) -> RunRecord:
    options = context.options
    place = place_of(
        context.root,
        str((context.folder.path / QUARANTINE).relative_to(context.root)),
        context.key.name,
        options.replay,
        dry_run=options.dry_run,
    )
    replay = str(options.replay) if options.replay is not None else ""
    return RunRecord(time.time(), uuid.uuid4().hex, replay=replay, quarantine=str(place))


async def _lay_out(current: Run, fields: dict[str, Field]) -> JobReport | None:
    """Read the source and lay out the pages; a report where the run ends with that."""
    context, record = current.context, current.record
    if not context.options.dry_run:
        record.save(context.folder)
    try:
        offer = await run_sync(lay_out, context, record, fields, abandon_on_cancel=True)
    except ReconcilerError:
        if not context.options.dry_run:
            _abandon(context)
        raise
    record.read, record.quarantined, record.served = offer.read, offer.quarantined, offer.served
    record.fields = list(offer.fields)
    account = Account(offer.read, quarantined=offer.quarantined, pending=offer.served)
    report = JobReport(
        context.key,
        account,
        context.spec.max_rejected_percent,
        figures(context),
        files=files_of(context, record),
        signal=context.stop.signal,
        dry_run=context.options.dry_run,
    )
    if not offer.finished:
        return _with(report, "nothing was started; --resume reads the source anew")
    if context.options.dry_run:
        return _with(report, "the schema is as declared")
    reason = _not_worth_starting(context, record, account)
    if reason is not None:
        _abandon(context)
        return _with(report, reason)
    record.offered = True
    record.save(context.folder)
    return None


def _abandon(context: JobContext) -> None:
    """Nothing was started, and nothing is left to go on with."""
    drop_pages(context.folder)
    forget(context.folder)


def _with(report: JobReport, message: str) -> JobReport:
    return replace(report, messages=(*report.messages, message))


def _not_worth_starting(context: JobContext, record: RunRecord, account: Account) -> str | None:
    """Why no sync is started with these records; None where one is. Raises `JobFailed` for one that would do harm."""
    full = is_full(context, record)
    limit = context.spec.max_rejected_percent
    if full and account.refused_percent > limit:
        return "nothing was started: a FULL sync would replace what is there by what is left of this source"
    if record.served:
        return None
    if full and not account.quarantined:
        _abandon(context)
        raise JobFailed(
            "the source has no records, and a FULL sync of none would empty the extension",
            fix="check the source; delete and apply the extension where emptying it is meant",
        )
    return "nothing was started: there is no record to offer"


async def _see_through(current: Run, fields: dict[str, Field]) -> JobReport:
    """Serve, start where nothing was started yet, wait, and tell of the end."""
    context, record, records = current.context, current.record, current.records
    known = records.get(record.sync_job) if record.sync_job else None
    state = known.state if known is not None else SyncStatus()
    if not state.ended:
        async with AsyncExitStack() as stack:
            started = anyio.Event()
            asking = Asking(at_once=bool(record.sync_job))
            source = await offer_pages(context, record, stack) if current.ours else ""
            webhook = await open_webhook(context, record, records, stack, started)
            if not record.sync_job:
                if context.stop.requested:
                    return _left(current, state)
                sent = record.fields if current.ours else None
                mapping = mapping_of(context, fields, sent)
                source = source or source_url(context)
                body = request_body(context, record, mapping, source, webhook)
                job = await start(context, record, body)
                await records.add(job, record.extension)
                record.sync_job = job
                record.save(context.folder)
            started.set()
            asking.unsigned = webhook is not None and webhook_secret(context.manifest) is None
            state = await wait_for_end(context, record, records, asking)
    if not state.ended:
        return _left(current, state)
    return await finish(context, record, records, ours=current.ours, first=_first(context))


def _first(context: JobContext) -> str:
    """The field that most likely tells records apart: the first that every record must have."""
    fields = read_fields(context.declared("DataExtension", context.spec.extension_ref).fields["fields"])
    return next((field.name for field in fields.values() if not field.nullable), next(iter(fields), ""))


def _left(current: Run, state: SyncStatus) -> JobReport:
    """A stop was asked for: the tenant goes on, and the next run can take it up."""
    context, record = current.context, current.record
    if record.sync_job:
        context.audit.add(
            "extension_sync_left", resource=f"extensions/{record.extension}", jobId=record.sync_job, status=state.status
        )
        message = f"sync {record.sync_job} goes on in the tenant ({state.status.lower()}); --resume waits for it"
        if current.ours:
            message += " and offers it the records again"
    else:
        message = "nothing was started; --resume does so"
    return JobReport(
        context.key,
        account_of(record, state, ours=current.ours, full=is_full(context, record)),
        context.spec.max_rejected_percent,
        figures(context),
        (message,),
        files_of(context, record),
        signal=context.stop.signal,
    )
