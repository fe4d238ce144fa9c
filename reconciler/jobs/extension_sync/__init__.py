"""ExtensionSync: has the tenant fill a data extension from files that are offered here, or from an address (contract: Operations)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.jobs.context import JobContext
from reconciler.jobs.job import Job
from reconciler.jobs.report import JobReport
from reconciler.loading.manifest import Job as Manifest


async def _run(context: JobContext) -> JobReport:
    from reconciler.jobs.extension_sync.run import run

    return await run(context)


def _emulator(manifest: Manifest) -> Mapping[str, Any]:
    """The embedded emulator signs its webhooks with the manifest's secret."""
    from reconciler.jobs.extension_sync.servers import webhook_secret

    return {"webhook_secret": webhook_secret(manifest)}


JOB = Job(
    kind="ExtensionSync",
    scopes=("data:read", "data:write", "data:sync"),
    run=_run,
    replays=True,
    dry_runs=True,
    dry_run_connects=True,
    emulator=_emulator,
)
