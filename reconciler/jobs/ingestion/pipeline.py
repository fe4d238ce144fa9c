"""One run of an ingestion, from the files to the report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from anyio.to_thread import run_sync

from reconciler.errors import ReconcilerError, SourceUnusable
from reconciler.jobs.context import JobContext
from reconciler.jobs.ingestion.batches import Batch, KeyOrder, make_batches
from reconciler.jobs.ingestion.checkpoint import NAME as CHECKPOINT
from reconciler.jobs.ingestion.checkpoint import Checkpoint
from reconciler.jobs.ingestion.commits import Commits
from reconciler.jobs.ingestion.duplicates import Duplicates, KeyCollector
from reconciler.jobs.ingestion.flow import Flow, work
from reconciler.jobs.ingestion.prepare import Prepared, prepare
from reconciler.jobs.ingestion.reporting import end_report, is_damage, note_outcome, tell_orchestrator
from reconciler.jobs.ingestion.sender import BatchSender, Outcome, Refusals
from reconciler.jobs.ingestion.setup import Setup, set_up
from reconciler.jobs.records.quarantine import Quarantine
from reconciler.jobs.records.readers.chunk import Position, Reader
from reconciler.jobs.report import Account, JobReport

MOST_IN_FLIGHT: Final = 6
"""Requests at a time, where the target allows as many: enough to hide the network, and few enough to hold in memory."""

REFUSED: Final = "refused.ndjson"
DUPLICATES: Final = "duplicates"


@dataclass(slots=True)
class Run:
    """What the parts of one run share.

    ``logs`` are the audit entries that the callback is given, the first of them. ``resumable``: there is a checkpoint of this run
    on the disk.
    """

    context: JobContext
    setup: Setup
    quarantine: Quarantine
    reader: Reader
    began: float = field(default_factory=time.monotonic)
    duplicates: Duplicates | None = None
    batches: int = 0
    latency: float = 0.0
    logs: list[dict[str, Any]] = field(default_factory=list)
    resumable: bool = False


async def run(context: JobContext) -> JobReport:
    """Ingest: settle everything, find duplicates where the mode asks for it, then read and send side by side."""
    setup = await set_up(context)
    if setup is None:
        return JobReport(context.key, messages=("nothing to resume: no interrupted run is on record",))
    quarantine = Quarantine(setup.quarantine, keep=setup.checkpoint.quarantine)
    current = Run(context, setup, quarantine, setup.source.reader(), resumable=setup.resumed)
    commits = Commits(setup.checkpoint, quarantine, context.folder)
    context.progress.begin(setup.source.size, before=setup.checkpoint.read)
    failure: ReconcilerError | None = None
    try:
        if setup.envelope.mode != "upsert":
            current.duplicates = await _find_duplicates(current)
        if context.options.dry_run:
            account, failure = await _count(current)
        else:
            failure = await _send_all(current, commits)
            account = commits.account
    except ReconcilerError as error:
        failure, account = error, commits.account
    finally:
        quarantine.close()
    report = end_report(current, account, commits.checkpoint, failure)
    if not report.signal and not context.options.dry_run:
        if failure is None or is_damage(failure):
            _forget(context)
        if failure is None:
            await tell_orchestrator(current, report)
    return report


def _forget(context: JobContext) -> None:
    """A run that came to its end leaves nothing to resume."""
    for name in (CHECKPOINT, REFUSED):
        context.folder.remove(name)
    shutil.rmtree(context.folder.path / DUPLICATES, ignore_errors=True)


def _prepared(current: Run, start: Position) -> Iterator[Prepared]:
    """The chunks from a position on, checked, without the records whose key was there already."""
    for chunk in current.reader.chunks(start):
        prepared = prepare(chunk, current.setup.source.columns[chunk.begin.file])
        if current.duplicates is not None:
            _without_duplicates(current, prepared)
        yield prepared


def _without_duplicates(current: Run, prepared: Prepared) -> None:
    assert current.duplicates is not None
    first, again = current.duplicates.split(prepared)
    if not again:
        return
    if current.setup.envelope.mode == "skip":
        prepared.left_out = len(again)
    else:
        files, keys = current.setup.source.files, " and ".join(current.setup.keys)
        for index, file, row in again:
            reason = f"has the {keys} of record {row} of {files[file].name}"
            prepared.bad.append(prepared.source(index, reason, current.setup.keys[0]))
        prepared.bad.sort(key=lambda item: item.row)
    prepared.frame, prepared.places = prepared.frame.filter(first), prepared.places.filter(first)


async def _find_duplicates(current: Run) -> Duplicates | None:
    """Read everything once for its keys; None where a stop was asked for meanwhile, so that nothing more is read."""
    folder = current.context.folder.make() / DUPLICATES
    collector = KeyCollector(folder, current.setup.keys)
    chunks = _prepared(current, Position())
    current.context.note(f"{current.context.key}: looking for duplicate keys")
    while (prepared := await run_sync(next, chunks, None)) is not None:
        await run_sync(collector.add, prepared)
        if current.context.stop.requested:
            return None
    current.reader = current.setup.source.reader()
    return await run_sync(collector.finish)


async def _count(current: Run) -> tuple[Account, ReconcilerError | None]:
    """A dry run: what would be sent is pending. Gives what ended it early, too."""
    read = quarantined = pending = 0
    failure: ReconcilerError | None = None
    chunks = _prepared(current, Position())
    try:
        while (prepared := await run_sync(next, chunks, None)) is not None:
            read += prepared.chunk.records
            quarantined += current.quarantine.add(prepared.bad, by="check")
            pending += prepared.frame.height + prepared.left_out
            current.context.progress.update(current.reader.bytes_done, records=read)
            if current.context.stop.requested:
                break
    except SourceUnusable as error:
        failure = error
    return Account(read=read, quarantined=quarantined, pending=pending), failure


async def _send_all(current: Run, commits: Commits) -> ReconcilerError | None:
    """Read, check and send, all at the same time; gives what ended the run early."""
    context, setup = current.context, current.setup
    start = setup.checkpoint
    flow = Flow(context.stop, start.batch + max(0, start.done - 1))
    if flow.ending():
        return None
    commits.save()
    current.resumable = True
    refusals = Refusals(context.folder.path / REFUSED, resumed=setup.resumed)
    taken = start.accepted > 0
    sender = BatchSender(context.client, setup.address, setup.envelope, start.run, refusals, taken=taken)

    def decided(outcome: Outcome) -> None:
        note_outcome(current, outcome)
        commits.decided(outcome)
        context.metrics.gauge("records_read", commits.read, about="Records that were read")
        context.progress.update(current.reader.bytes_done, records=commits.read)

    await _side_by_side(current, commits, flow, sender, decided)
    commits.save()
    return flow.failure or flow.damage


async def _side_by_side(current: Run, commits: Commits, flow: Flow, sender: BatchSender, decided: Any) -> None:
    chunks_in, chunks_out = anyio.create_memory_object_stream[tuple[Prepared, list[Batch]]](1)
    batches_in, batches_out = anyio.create_memory_object_stream[Batch](0)
    limit = current.context.session.workspace.target.limits.max_concurrency or MOST_IN_FLIGHT
    async with anyio.create_task_group() as group:
        group.start_soon(_read, current, commits.checkpoint, flow, chunks_in)
        group.start_soon(_feed, commits, flow, chunks_out, batches_in)
        for _ in range(min(limit, MOST_IN_FLIGHT)):
            group.start_soon(_work, flow, batches_out.clone(), sender, decided)
        batches_out.close()


async def _work(flow: Flow, batches: ObjectReceiveStream[Batch], sender: BatchSender, decided: Any) -> None:
    async with batches:
        await work(flow, batches, sender.send, decided)


async def _read(
    current: Run, start: Checkpoint, flow: Flow, chunks: ObjectSendStream[tuple[Prepared, list[Batch]]]
) -> None:
    """Read and prepare in a thread, one chunk ahead of what is being sent."""
    setup = current.setup
    order = KeyOrder(setup.keys) if setup.envelope.mode == "upsert" else None
    made = _prepared(current, start.position)
    size = current.context.spec.batch_size
    number = start.batch

    def following() -> tuple[Prepared, list[Batch]] | None:
        prepared = next(made, None)
        return None if prepared is None else (prepared, make_batches(prepared, number, size, setup.envelope, order))

    async with chunks:
        while not flow.ending():
            try:
                found = await run_sync(following)
            except ReconcilerError as error:
                flow.damage = error
                return
            if found is None:
                return
            number += len(found[1])
            await chunks.send(found)


async def _feed(
    commits: Commits,
    flow: Flow,
    chunks: ObjectReceiveStream[tuple[Prepared, list[Batch]]],
    batches: ObjectSendStream[Batch],
) -> None:
    """Open chunk after chunk, and hand its batches to whoever is free."""
    async with chunks, batches:
        async for prepared, made in chunks:
            if flow.ending():
                continue
            try:
                waiting = commits.open(prepared, made)
            except ReconcilerError as error:
                flow.fail(error)
                continue
            for batch in waiting:
                if flow.ending():
                    break
                await batches.send(batch)
