"""What a run tells of itself: audit entries and metrics of each batch, the report at its end, the orchestrator's callback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from reconciler.engine.clock import now, stamp
from reconciler.errors import NotFound, ReconcilerError, SourceUnusable, StorageError
from reconciler.jobs.ingestion.checkpoint import Checkpoint
from reconciler.jobs.ingestion.sender import Outcome
from reconciler.jobs.report import Account, JobReport

if TYPE_CHECKING:
    from reconciler.jobs.ingestion.pipeline import Run

MAX_LOGS: Final = 1_000
"""Audit entries that the callback is given at most; all of them are in the audit log."""


def note_outcome(current: Run, outcome: Outcome) -> None:
    """Write a decided batch into audit log and metrics."""
    context = current.context
    current.batches += 1
    for entry in outcome.requests:
        current.latency += entry["latencyMs"] / 1000
        context.audit.add(
            "ingest_batch", resource=f"datasets/{current.setup.dataset_id}", run=current.setup.checkpoint.run, **entry
        )
        if len(current.logs) < MAX_LOGS:
            current.logs.append({"timestamp": stamp(now()), **entry})
    context.metrics.count("batches", about="Batches that were decided")
    context.metrics.count("records_accepted", outcome.accepted, about="Records that the tenant took")
    context.metrics.count("records_rejected", len(outcome.rejected), about="Records that the tenant refused")


def end_report(current: Run, account: Account, checkpoint: Checkpoint, failure: ReconcilerError | None) -> JobReport:
    """The report of a run that ended, however it ended."""
    context = current.context
    context.metrics.gauge("records_quarantined", account.quarantined, about="Records that were set aside")
    context.metrics.gauge("records_read", account.read, about="Records that were read")
    if not context.options.dry_run:
        failure = _note_end(current, account, failure)
    return JobReport(
        context.key,
        account,
        context.spec.max_rejected_percent,
        _figures(current, account),
        _messages(current, checkpoint, failure),
        {"quarantine": context.shown(current.quarantine.path)} if current.quarantine.size else {},
        failure,
        context.stop.signal,
        context.options.dry_run,
    )


def _note_end(current: Run, account: Account, failure: ReconcilerError | None) -> ReconcilerError | None:
    """Write the end into the audit log; gives what ended the run, for which a full disk is reason enough."""
    stopped = current.context.stop.requested
    try:
        current.context.audit.add(
            "ingest_ended",
            resource=f"datasets/{current.setup.dataset_id}",
            run=current.setup.checkpoint.run,
            status="interrupted" if stopped else "failed" if failure else "completed",
            counts=account.counts,
        )
    except StorageError as error:
        return failure or error
    return failure


def _figures(current: Run, account: Account) -> dict[str, float | int | str]:
    seconds = max(time.monotonic() - current.began, 1e-6)
    figures: dict[str, float | int | str] = {
        "records a second": round(done_since(current.setup.checkpoint, account) / seconds)
    }
    if not current.context.options.dry_run:
        requests = int(current.context.metrics.values.get("requests", 0))
        mean = round(1000 * current.latency / max(current.batches, 1), 1)
        figures |= {"batches": current.batches, "requests": requests, "mean latency ms": mean}
    return figures


def done_since(start: Checkpoint, account: Account) -> int:
    """How many records a run has read that began at ``start``: those that an earlier one had decided are not among them."""
    return account.read - start.accepted - start.rejected - start.quarantined


def is_damage(error: ReconcilerError) -> bool:
    """Whether a source ended the run that will be no better the next time, unlike a disk that cannot be read just now."""
    cause = error.__cause__
    return isinstance(error, SourceUnusable) and not (isinstance(cause, OSError) and cause.errno is not None)


def _messages(current: Run, checkpoint: Checkpoint, failure: ReconcilerError | None) -> tuple[str, ...]:
    messages = []
    if checkpoint.left_out:
        messages.append(
            f"{checkpoint.left_out:,} of the accepted were left out, as their key was there (dedup.mode: skip)"
        )
    stopped = current.context.stop.requested
    if not current.context.options.dry_run and (stopped or failure is not None):
        messages.append(_prospect(current, None if stopped else failure))
    return tuple(messages)


def _prospect(current: Run, failure: ReconcilerError | None) -> str:
    """What can be done about a run that ended before its time."""
    mode = current.setup.envelope.mode
    damaged = failure is not None and is_damage(failure)
    if not current.resumable:
        why = f": with dedup.mode {mode} the whole source is read beforehand" if damaged else ""
        return f"nothing was sent{why}"
    if damaged:
        return f"what stands before the damage was sent; once it is mended, run the job anew, without --resume: {_THERE[mode]}"
    if isinstance(failure, NotFound):
        return "--resume goes on from here as long as the dataset is the same one; into a new one, run the job anew"
    return "--resume goes on from here"


_THERE: Final = {
    "upsert": "records that are there already are updated, not doubled",
    "skip": "records that are there already are left out",
    "reject": "records that are there already are rejected once more, and change nothing",
}
"""What becomes of records that an earlier run has sent, by ``dedup.mode``."""


async def tell_orchestrator(current: Run, report: JobReport) -> None:
    """Call ``callbackUrl`` (contract: client-side behaviour). That it fails is said, and changes nothing."""
    url, account = current.context.spec.callback_url, report.account
    if not url or account is None:
        return
    from reconciler.cxone.callback import call_back

    payload = {
        "totalRecords": account.read,
        "validRecords": account.read - account.quarantined,
        "chunksProcessed": current.batches,
        "auditLogs": current.logs,
    }
    why = await call_back(url, {"event": "data_actions_ingestion_complete", "payload": payload})
    if why:
        current.context.warn(f"{current.context.key}: the callback was not taken: {why}")
