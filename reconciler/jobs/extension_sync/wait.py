"""Waiting for a sync job's end: told by the webhook or found by asking, whichever comes first."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

import anyio

from reconciler.errors import (
    ApiError,
    BadAnswer,
    JobFailed,
    NotFound,
    NotSent,
    RateLimited,
    ReconcilerError,
    ServerFailed,
)
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync.records import SyncRecords
from reconciler.jobs.extension_sync.run_record import RunRecord, forget
from reconciler.jobs.extension_sync.start import READ
from reconciler.jobs.extension_sync.status import SyncStatus, read_status
from reconciler.jobs.tenant_sync import pause, read_answer, unknown_there

BASE_SECONDS: Final = 1.0
CAP_SECONDS: Final = 30.0

MOST_FAILURES: Final = 20
"""Questions in a row without a useful answer, after which the job gives up waiting; some ten minutes."""


MOST_UNKNOWN: Final = 3
"""Times in a row that the tenant says it knows no such job, after which that is believed."""


@dataclass(slots=True)
class Asking:
    """How the tenant is asked, and what ended that.

    ``at_once``: the sync may have ended while nobody listened. ``unsigned``: a wake-up may be anybody's, so that it only moves
    the next question forward.
    """

    at_once: bool = False
    unsigned: bool = False
    failure: ReconcilerError | None = None


async def wait_for_end(context: JobContext, record: RunRecord, records: SyncRecords, asking: Asking) -> SyncStatus:
    """Wait until the sync has ended or a stop is asked for, and give what is known then. Raises what ended the asking."""
    async with anyio.create_task_group() as group:
        group.start_soon(_until_stopped, context, records)
        group.start_soon(_ask_repeatedly, context, record, records, asking)
        while not (records.state(record.sync_job).ended or context.stop.requested or asking.failure):
            changed = records.changed
            state = records.state(record.sync_job)
            done = state.processed + state.rejected
            context.metrics.gauge("records_processed", done, about="Records that the tenant says it went through")
            context.progress.update(0, state.status.lower(), records=done)
            await changed.wait()
        group.cancel_scope.cancel()
    if asking.failure is not None and not records.state(record.sync_job).ended:
        raise asking.failure
    return records.state(record.sync_job)


async def _until_stopped(context: JobContext, records: SyncRecords) -> None:
    await context.stop.wait()
    records.wake()


async def _ask_repeatedly(context: JobContext, record: RunRecord, records: SyncRecords, asking: Asking) -> None:
    failed = unknown = attempt = 0
    while asking.failure is None:
        if attempt or not asking.at_once:
            await _pause(records, attempt, asking)
        attempt += 1
        try:
            await ask(context, record, records)
            failed = unknown = 0
        except (NotSent, ServerFailed, RateLimited, BadAnswer) as error:
            failed += 1
            if failed == 1:
                context.warn(f"{error.message}; asking again")
            if failed >= MOST_FAILURES:
                asking.failure = _given_up(record, error)
        except NotFound as error:
            unknown += 1
            if unknown >= MOST_UNKNOWN:
                forget(context.folder)
                asking.failure = unknown_there(f"sync {record.sync_job}", error)
        except ReconcilerError as error:
            asking.failure = error
    records.wake()


async def _pause(records: SyncRecords, attempt: int, asking: Asking) -> None:
    """Wait before a question; an unsigned call cuts it short, but not so that anybody could make us ask all the time."""
    woken = records.changed
    with anyio.move_on_after(pause(attempt, BASE_SECONDS, CAP_SECONDS, random.SystemRandom().random())):
        if not asking.unsigned:
            await anyio.sleep_forever()
        await woken.wait()
        await anyio.sleep(BASE_SECONDS)


async def ask(context: JobContext, record: RunRecord, records: SyncRecords) -> None:
    """Ask the tenant once, and take in what it says. Raises `BadAnswer` for what the contract does not know."""
    kind = context.session.workspace.kinds["DataExtension"]
    address = context.client.address(kind, record.extension, "sync", record.sync_job, "status")
    answer = await context.client.exchange("GET", address, scopes=READ)
    said = read_answer(answer, f"the state of sync {record.sync_job}", lambda value: _read(value, record.sync_job))
    await records.learn(record.sync_job, said)


def _read(value: Any, job: str) -> SyncStatus:
    said = read_status(value)
    if value.get("syncJobId", job) != job:
        raise ValueError("it is about another job")
    return said


def _given_up(record: RunRecord, error: ApiError) -> ReconcilerError:
    failed = JobFailed(
        f"the tenant could not be asked about sync {record.sync_job} {MOST_FAILURES} times in a row: {error.message}",
        fix="the sync may go on there; --resume waits for it",
    )
    failed.__cause__ = error
    return failed
