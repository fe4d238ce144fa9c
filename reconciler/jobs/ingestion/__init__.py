"""Ingestion: files to a dataset, in batches, without losing, doubling or corrupting a record (contract: Operations)."""

from __future__ import annotations

import os

from reconciler.jobs.context import JobContext
from reconciler.jobs.job import Job, need_extra
from reconciler.jobs.report import JobReport


async def _run(context: JobContext) -> JobReport:
    need_extra("ingest", "polars")
    # One thread prepares while others send: a pool as wide as the machine only takes their processors away, and memory.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from reconciler.jobs.ingestion.pipeline import run

    return await run(context)


JOB = Job(
    kind="Ingestion",
    scopes=("data-actions:read", "data-actions:write"),
    run=_run,
    replays=True,
    dry_runs=True,
)
