"""ConnectorSync: has a connector synchronise with its CRM and waits for the result (contract: Operations)."""

from __future__ import annotations

import hashlib
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

import orjson

from reconciler.engine.clock import now, stamp
from reconciler.errors import ApiError, JobFailed, NotFound, ServerFailed
from reconciler.jobs.context import JobContext
from reconciler.jobs.job import Job
from reconciler.jobs.report import Account, JobReport
from reconciler.jobs.tenant_sync import id_in, pause, read_answer, request_start, unknown_there

RECORD: Final = "sync.json"
"""What is known of a synchronisation under way: its idempotency key from before it is asked for, its id from then on."""

_ENDED: Final = frozenset({"COMPLETED", "FAILED"})
_KNOWN: Final = _ENDED | {"PENDING", "RUNNING"}


@dataclass(frozen=True, slots=True)
class State:
    """What the tenant says of a synchronisation (contract: Operations)."""

    status: str
    records: int
    details: str


async def run(context: JobContext) -> JobReport:
    """Start a synchronisation, or with ``--resume`` take up the one on record, and ask until it has ended."""
    record = context.folder.read_json(RECORD)
    if context.options.resume and record is None:
        return JobReport(context.key, messages=("nothing to resume: no synchronisation is on record",))
    if record is not None and not context.options.resume:
        context.warn(
            f"the synchronisation begun at {record['startedAt']} is not waited for; --resume would have done so"
        )
        record = None
    connector = await context.resolve("Connector", context.spec.connector_ref)
    if record is None:
        if context.stop.requested:
            return JobReport(context.key, signal=context.stop.signal, messages=("nothing was started",))
        record = {"idempotencyKey": uuid.uuid4().hex, "syncType": context.spec.sync_type, "startedAt": stamp(now())}
        context.folder.write_json(RECORD, record)
    if "syncId" not in record:
        record["syncId"] = await _trigger(context, connector, record)
        context.folder.write_json(RECORD, record)
    return await _wait(context, connector, str(record["syncId"]))


async def _trigger(context: JobContext, connector: str, record: dict[str, Any]) -> str:
    """Start it and give its id. The same key as before the interruption starts no second one."""
    kind = context.session.workspace.kinds["Connector"]
    body = orjson.dumps({"syncType": record["syncType"]})
    answer = await request_start(
        context,
        context.client.address(kind, connector, "sync"),
        body,
        idempotency_key=record["idempotencyKey"],
        scopes=("crm:connectors:write",),
        forget=lambda: context.folder.remove(RECORD),
        in_the_way=f"write 'lifecycleStatus: ACTIVE' in Connector/{context.spec.connector_ref} and apply",
    )
    sync_id = id_in(answer, "syncId", "the synchronisation")
    context.audit.add(
        "connector_sync_started",
        resource=f"connectors/{connector}",
        jobId=sync_id,
        requestId=answer.request_id,
        syncType=record["syncType"],
        payloadSha256=hashlib.sha256(body).hexdigest(),
        status=answer.status,
    )
    context.note(f"{context.key}: synchronisation {sync_id} started")
    return sync_id


async def _wait(context: JobContext, connector: str, sync_id: str) -> JobReport:
    """Ask at once, then after ever longer pauses, until it has ended, a stop is asked for, or the questions are used up."""
    poll, began = context.spec.poll, time.monotonic()
    state = State("PENDING", 0, "")
    context.progress.begin(poll.attempts)
    for attempt in range(poll.attempts):
        if attempt:
            chance = random.SystemRandom().random()
            delay = pause(attempt - 1, poll.base_delay_seconds, poll.cap_seconds, chance)
            if not await context.stop.sleep(delay):
                break
        state = await _ask(context, connector, sync_id, state)
        context.metrics.gauge("records_processed", state.records, about="Records that the tenant says it processed")
        context.progress.update(attempt + 1, f"{state.status.lower()}, {state.records:,} records")
        if state.status in _ENDED or context.stop.requested:
            break
    if state.status in _ENDED:
        return _ended(context, connector, sync_id, state, time.monotonic() - began)
    context.audit.add("connector_sync_left", resource=f"connectors/{connector}", jobId=sync_id, status=state.status)
    on = f"synchronisation {sync_id} goes on in the tenant ({state.status.lower()}); --resume waits for it"
    if context.stop.requested:
        return JobReport(context.key, signal=context.stop.signal, messages=(on,))
    raise JobFailed(
        f"synchronisation {sync_id} was still {state.status} after {poll.attempts} questions",
        fix="--resume goes on asking; raise poll.attempts where it always takes this long",
    )


async def _ask(context: JobContext, connector: str, sync_id: str, before: State) -> State:
    """Ask once; a server that fails for a while only costs this question."""
    kind = context.session.workspace.kinds["Connector"]
    address = context.client.address(kind, connector, "sync", sync_id)
    try:
        answer = await context.client.exchange("GET", address, scopes=("crm:connectors:read",))
    except NotFound as error:
        context.folder.remove(RECORD)
        raise unknown_there(f"synchronisation {sync_id}", error) from error
    except ServerFailed as error:
        context.warn(f"{error.message}; asking again")
        return before
    return read_answer(answer, f"the state of synchronisation {sync_id}", read_state)


def read_state(value: Any) -> State:
    """Read the body of a status answer; raises `ValueError`."""
    if not isinstance(value, dict) or value.get("status") not in _KNOWN:
        raise ValueError("it has no status that is known")
    records = value.get("recordsProcessed", 0)
    if type(records) is not int or records < 0:
        raise ValueError("recordsProcessed is no count")
    details = value.get("errorDetails")
    return State(value["status"], records, "" if details is None else str(details))


def _ended(context: JobContext, connector: str, sync_id: str, state: State, seconds: float) -> JobReport:
    context.audit.add(
        "connector_sync_ended",
        resource=f"connectors/{connector}",
        jobId=sync_id,
        status=state.status,
        latencyMs=round(seconds * 1000),
        counts={"recordsProcessed": state.records},
    )
    context.folder.remove(RECORD)
    error: ApiError | JobFailed | None = None
    if state.status == "FAILED":
        details = "".join(ch if ch.isprintable() else " " for ch in state.details) or "it gives no details"
        error = JobFailed(f"the tenant reports that synchronisation {sync_id} failed: {details}")
    return JobReport(
        context.key,
        account=Account(read=state.records, accepted=state.records) if error is None else None,
        metrics={"records processed": state.records, "requests": int(context.metrics.values.get("requests", 0))},
        messages=(f"synchronisation {sync_id}: {state.status}",),
        error=error,
    )


JOB = Job(kind="ConnectorSync", scopes=("crm:connectors:read", "crm:connectors:write"), run=run)
