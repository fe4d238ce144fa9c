"""What a job is to the command that runs it, and how its module is found: by the name of its kind, without a table."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import ExtraMissing, UsageError

if TYPE_CHECKING:
    from reconciler.jobs.context import JobContext
    from reconciler.jobs.report import JobReport
    from reconciler.loading.manifest import Job as Manifest


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What the command line asks of every job.

    ``resume``: go on with the run that was interrupted. ``replay``: take the records of a quarantine or recovery file.
    ``dry_run``: read, check and count, send nothing. ``metrics``: host and port to serve Prometheus metrics on. ``until_idle`` and
    ``max_events`` end a job that would otherwise go on for as long as its source does: after so many seconds without an event,
    after so many events.
    """

    resume: bool = False
    replay: Path | None = None
    dry_run: bool = False
    metrics: tuple[str, int] | None = None
    until_idle: float | None = None
    max_events: int | None = None


def _no_options(manifest: Manifest) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of job.

    ``kind`` is the manifest's, ``scopes`` what its token is asked for. ``run`` carries it out; a `ReconcilerError` that it raises
    becomes a failed report, so that it catches only what it can add an account to. ``replays`` and ``dry_runs`` say whether it
    knows ``--replay`` and ``--dry-run``; a dry run has no client unless ``dry_run_connects``. ``emulator`` gives further settings
    of the embedded emulator (`reconciler.emulator.Settings`) that the job's manifest decides, its webhook secret for one.
    ``streams``: its source has no end of its own, so that ``--until-idle`` and ``--max-events`` make sense.
    """

    kind: str
    scopes: tuple[str, ...]
    run: Callable[[JobContext], Awaitable[JobReport]]
    replays: bool = False
    dry_runs: bool = False
    dry_run_connects: bool = False
    emulator: Callable[[Manifest], Mapping[str, Any]] = _no_options
    streams: bool = False


def module_name(kind: str) -> str:
    """The module that runs a kind: ``StreamSink`` → ``reconciler.jobs.stream_sink``."""
    return "reconciler.jobs." + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def find_job(kind: str) -> Job:
    """The job of a kind; raises `UsageError` where this version has none."""
    name = module_name(kind)
    if not re.fullmatch(r"[a-z0-9_.]+", name) or find_spec(name) is None:
        raise UsageError(f"{kind} is not a kind that this version can run", fix="`reconciler explain` lists the kinds")
    job = getattr(import_module(name), "JOB", None)
    if not isinstance(job, Job) or job.kind != kind:
        raise UsageError(f"{kind} is not a kind that this version can run", fix="`reconciler explain` lists the kinds")
    return job


def need_extra(extra: str, *modules: str) -> None:
    """Make sure that the libraries of an extra are installed; raises `ExtraMissing`, which says how to get them."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ExtraMissing(
            f"this needs {', '.join(missing)}, which is not installed", fix=f"pip install 'reconciler[{extra}]'"
        )
