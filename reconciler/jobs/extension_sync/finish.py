"""The end of a run: account, metrics, recovery payload, health event, audit entry, report. Nothing is told twice after a crash."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from anyio.to_thread import run_sync

from reconciler.engine.clock import parse
from reconciler.errors import JobFailed, ReconcilerError, ResumeImpossible
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync.pages import Pages, drop_pages
from reconciler.jobs.extension_sync.records import SyncRecords
from reconciler.jobs.extension_sync.recovery import write_recovery
from reconciler.jobs.extension_sync.run_record import RunRecord, forget
from reconciler.jobs.extension_sync.status import SyncStatus
from reconciler.jobs.extension_sync.wait import ask
from reconciler.jobs.report import Account, JobReport

DEGRADED_PERCENT: Final = 2.0
"""Rejection rate from which on a sync's health is DEGRADED (contract: client-side behaviour)."""

_SHOWN_ERRORS: Final = 3


def account_of(record: RunRecord, state: SyncStatus, *, ours: bool, full: bool) -> Account:
    """Where every record went. What the tenant fetched elsewhere is counted by the tenant alone.

    ``processedRecords`` may or may not hold the rejected ones: where both fit into the total, it does not. A FULL sync that failed
    has replaced nothing, whatever it went through.
    """
    accepted = state.processed
    if state.processed + state.rejected > state.total:
        accepted = max(0, state.processed - state.rejected)
    if full and state.status == "FAILED":
        accepted = 0
    sent = record.served if ours else state.total
    return Account(
        read=record.read if ours else state.total,
        accepted=accepted,
        rejected=state.rejected,
        quarantined=record.quarantined,
        pending=max(0, sent - accepted - state.rejected),
    )


def is_full(context: JobContext, record: RunRecord) -> bool:
    """Whether the sync replaces everything. A replay never does, as it brings only a few records."""
    return context.spec.sync_mode == "FULL" and not record.replay


def latency_ms(record: RunRecord, state: SyncStatus, learned: float) -> int:
    """Milliseconds from the request to the end that the tenant states, as far as its clock can be right by ours."""
    ended = learned
    if state.completed_at:
        try:
            ended = parse(state.completed_at).timestamp()
        except ValueError:
            ended = learned
    return round(1000 * (min(max(ended, record.initiated_at), learned) - record.initiated_at))


def health_event(record: RunRecord, state: SyncStatus, percent: float, latency: int) -> dict[str, Any]:
    """The health event (contract: Operations). A sync that failed is not healthy, whatever its records."""
    degraded = percent >= DEGRADED_PERCENT or state.status == "FAILED"
    return {
        "eventType": "CXONE_EXTENSION_HEALTH",
        "data": {
            "extensionId": record.extension,
            "syncLatencyMs": latency,
            "rejectionRatePercent": round(percent, 4),
            "healthScore": "DEGRADED" if degraded else "HEALTHY",
            "reportedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        },
    }


async def finish(context: JobContext, record: RunRecord, records: SyncRecords, *, ours: bool, first: str) -> JobReport:
    """Tell of a sync that ended, and forget the run. ``first`` is the field that most likely tells records apart."""
    known = records.get(record.sync_job)
    if known is not None and known.state.truncated and known.ended_by == "webhook":
        await _complete(context, record, records)
    state = records.state(record.sync_job)
    account = account_of(record, state, ours=ours, full=is_full(context, record))
    latency = latency_ms(record, state, time.time())
    files = files_of(context, record)
    if state.malformed:
        path = await run_sync(_write_recovery, context, record, state, ours, first)
        files["recovery"] = context.shown(path)
    await _once(context, record, "health", health_event(record, state, account.refused_percent, latency))
    _audit(context, record, records, account, latency, ours=ours)
    await records.settle(record.sync_job)
    drop_pages(context.folder)
    forget(context.folder)
    return _report(context, record, state, account, latency, files)


async def _complete(context: JobContext, record: RunRecord, records: SyncRecords) -> None:
    """A webhook's list of errors is bounded; the status may have all of them."""
    try:
        await ask(context, record, records)
    except ReconcilerError as error:
        context.warn(f"the list of errors stays shortened: {error.message}")


def _write_recovery(context: JobContext, record: RunRecord, state: SyncStatus, ours: bool, first: str) -> Path:
    offered: Iterator[dict[str, Any]] = iter(())
    if ours:
        try:
            offered = Pages(context.folder).records()
        except ResumeImpossible as error:
            context.warn(f"{error.message}: the recovery file comes without them")
    return write_recovery(context.folder, record.sync_job, state.malformed, offered, first)


async def _once(context: JobContext, record: RunRecord, what: str, event: dict[str, Any]) -> None:
    """Push the health event, unless a run before this one did; that it fails is said, and changes nothing."""
    if what in record.reported:
        return
    try:
        await context.client.exchange("POST", "/api/v2/events/stream", body=orjson.dumps(event), scopes=("data:write",))
    except ReconcilerError as error:
        context.warn(f"the health event was not taken: {error.message}")
    record.reported.append(what)
    record.save(context.folder)


def _audit(
    context: JobContext, record: RunRecord, records: SyncRecords, account: Account, latency: int, *, ours: bool
) -> None:
    if "audit" in record.reported:
        return
    known = records.get(record.sync_job)
    assert known is not None
    context.audit.add(
        "extension_sync_ended",
        resource=f"extensions/{record.extension}",
        jobId=record.sync_job,
        status=known.state.status,
        toldBy=known.ended_by,
        latencyMs=latency,
        rejectionRatePercent=round(account.refused_percent, 4),
        counts=account.counts,
        payloadSha256=record.digest,
        complianceFlags={"piiProcessed": True, "schemaValidated": True, "nullsStandardized": ours},
    )
    record.reported.append("audit")
    record.save(context.folder)


def _report(
    context: JobContext, record: RunRecord, state: SyncStatus, account: Account, latency: int, files: dict[str, str]
) -> JobReport:
    messages = [f"sync {record.sync_job}: {state.status}"]
    if account.accepted + account.rejected + account.quarantined > account.read:
        messages.append(f"the tenant speaks of {state.total:,} records, and was offered {record.served:,}")
    if state.malformed:
        messages.append("correct the recovery file, then run again with --replay and the file")
    if state.truncated:
        messages.append(f"the tenant named only {len(state.errors):,} of its errors; the counts are whole")
    return JobReport(
        context.key,
        account=account,
        limit=context.spec.max_rejected_percent,
        metrics=figures(context) | {"latency ms": latency, "rejected percent": round(account.refused_percent, 2)},
        messages=tuple(messages),
        files=files,
        error=_failure(record, state),
    )


def figures(context: JobContext) -> dict[str, float | int | str]:
    """What every report tells."""
    return {"requests": int(context.metrics.values.get("requests", 0))}


def files_of(context: JobContext, record: RunRecord) -> dict[str, str]:
    """The files that a run left behind."""
    return {"quarantine": context.shown(Path(record.quarantine))} if record.quarantined else {}


def _failure(record: RunRecord, state: SyncStatus) -> JobFailed | None:
    if state.status != "FAILED":
        return None
    texts = [str(error.get("message") or error.get("type") or "") for error in state.errors]
    # What concerns the job as a whole says more than what concerns single records.
    texts.sort(key=lambda text: text in {str(error.get("message")) for error in state.malformed})
    shown = "; ".join("".join(ch if ch.isprintable() else " " for ch in text)[:300] for text in texts[:_SHOWN_ERRORS])
    return JobFailed(
        f"the tenant reports that sync {record.sync_job} failed: {shown or 'it gives no details'}",
        fix="correct what it names and run it again" if not state.malformed else "",
    )
