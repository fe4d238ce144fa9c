"""Running jobs one after another: folder, emulator, client, signals around each, and a report of each whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from reconciler.core.resource import Key
from reconciler.cxone.client import Client
from reconciler.cxone.message import RequestRecord
from reconciler.cxone.text import without
from reconciler.engine.session import Session, run
from reconciler.engine.tenant import target_api
from reconciler.errors import AuthenticationError, Interrupted, ReconcilerError, UsageError
from reconciler.jobs.audit import JobAudit
from reconciler.jobs.context import JobContext
from reconciler.jobs.embedded import serving_emulator
from reconciler.jobs.folder import JobFolder
from reconciler.jobs.job import Job, JobOptions, find_job
from reconciler.jobs.metrics import JobMetrics, serve_metrics
from reconciler.jobs.progress import Progress
from reconciler.jobs.report import JobReport
from reconciler.jobs.stop import JobStop, stopped_by_signals
from reconciler.loading.manifest import Job as Manifest
from reconciler.loading.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where jobs say things to a person; ``quiet`` leaves out progress and notes."""

    note: Callable[[str], None]
    warn: Callable[[str], None]
    debug: Callable[[str], None]
    quiet: bool = False


def find_manifests(session: Session, keys: Sequence[Key]) -> list[tuple[Job, Manifest]]:
    """The jobs of these keys, in their order. Raises `UsageError` for what is no job of this project and target."""
    bound = session.workspace.bound
    declared = {item.key: item for item in bound.jobs}
    resources = {item.key for item in bound.desired}
    found = []
    for key in dict.fromkeys(keys):
        if key in resources:
            raise UsageError(
                f"{key} is a resource, and no job to run", fix="`reconciler apply` puts it into the tenant"
            )
        if key not in declared:
            fix = did_you_mean(str(key), map(str, declared)) or "`reconciler graph` shows the keys"
            target = session.workspace.target.name
            raise UsageError(f"there is no job {key} for target {target}", fix=fix)
        found.append((find_job(key.kind), declared[key]))
    return found


def check_options(jobs: Sequence[tuple[Job, Manifest]], options: JobOptions) -> None:
    """Refuse options that make no sense for these jobs before any of them begins. Raises `UsageError`."""
    if options.replay is not None:
        if len(jobs) != 1:
            raise UsageError("--replay takes the records of one job", fix="name one job")
        if options.resume:
            raise UsageError("--replay and --resume exclude each other")
        if not options.replay.is_file():
            raise UsageError(f"--replay {options.replay}: there is no such file")
    for job, manifest in jobs:
        if options.replay is not None and not job.replays:
            raise UsageError(f"{manifest.key} has no records to replay")
        if (options.until_idle is not None or options.max_events is not None) and not job.streams:
            raise UsageError(
                f"{manifest.key} ends by itself: --until-idle and --max-events are for jobs that follow a stream"
            )
        if options.dry_run and not job.dry_runs:
            raise UsageError(f"{manifest.key} has no dry run: it reads nothing before it asks the tenant to act")


def run_jobs(
    session: Session, jobs: Sequence[tuple[Job, Manifest]], options: JobOptions, terminal: Terminal
) -> tuple[JobReport, ...]:
    """Run jobs one after another. An interrupted or refused one is the last; after any other failure the next has its turn."""
    reports: list[JobReport] = []
    for job, manifest in jobs:
        report = run_job(session, job, manifest, options, terminal)
        reports.append(report)
        if report.verdict in ("interrupted", "denied") or isinstance(report.error, AuthenticationError):
            break
    return tuple(reports)


def run_job(session: Session, job: Job, manifest: Manifest, options: JobOptions, terminal: Terminal) -> JobReport:
    """Run one job. What it raises as `ReconcilerError` is its report's error; a second signal raises `Interrupted`."""
    began = time.monotonic()
    root, target = session.workspace.project.root, session.workspace.target
    folder = JobFolder(root, target.name, manifest.key)
    metrics = JobMetrics(str(manifest.key))
    try:
        with ExitStack() as stack:
            stack.enter_context(folder.held())
            if options.metrics is not None:
                stack.callback(serve_metrics(metrics, options.metrics))
            audit = JobAudit(session, folder, terminal.warn)
            stack.callback(audit.close)
            progress = stack.enter_context(Progress(str(manifest.key), quiet=terminal.quiet))

            async def work() -> JobReport:
                said = (terminal.note, terminal.warn, terminal.debug)
                context = JobContext(session, manifest, folder, options, JobStop(), progress, audit, metrics, *said)
                return await _guarded(job, context, url, terminal)

            with _reached(job, session, manifest, options) as url:
                report = run(work)
    except ReconcilerError as error:
        if isinstance(error, Interrupted):
            raise
        report = JobReport(manifest.key, error=error, dry_run=options.dry_run)
    return replace(report, metrics={"seconds": round(time.monotonic() - began, 3), **report.metrics})


@contextmanager
def _reached(job: Job, session: Session, manifest: Manifest, options: JobOptions) -> Iterator[str | None]:
    """The tenant's URL, its emulator started where it is the embedded one; None where the run needs no tenant."""
    target = session.workspace.target
    if options.dry_run and not job.dry_run_connects:
        yield None
    elif target.embedded:
        with serving_emulator(session.workspace.project.root, target.name, job.emulator(manifest)) as url:
            yield url
    else:
        yield target.url


async def _guarded(job: Job, context: JobContext, url: str | None, terminal: Terminal) -> JobReport:
    """Run the job under the signals' eyes; its errors become reports while the client is still there."""
    report: JobReport | None = None
    async with stopped_by_signals(context.stop):
        try:
            if url is None:
                report = await job.run(context)
            else:
                context.base_url = url
                async with _client(job, context, url, terminal) as context.connected:
                    report = await job.run(context)
        except ReconcilerError as error:
            report = JobReport(context.key, error=error, signal=0, dry_run=context.options.dry_run)
    if report is None:
        raise Interrupted(
            f"{context.key} was stopped at once", signal_number=context.stop.signal, fix="go on with --resume"
        )
    return report


def _client(job: Job, context: JobContext, url: str, terminal: Terminal) -> Client:
    session = context.session
    api = target_api(session.workspace.project, session.workspace.target, session.environ)

    def redact(text: str) -> str:
        return without(session.revealed)(text)

    def on_request(record: RequestRecord) -> None:
        context.metrics.count("requests", about="Requests made, every attempt counted")
        context.metrics.count("request_seconds", record.seconds, about="Seconds spent waiting for answers")
        if record.status is None or record.status >= 400:
            context.metrics.count("requests_failed", about="Attempts without a good answer")
        terminal.debug(
            f"{record.method} {record.path} → {record.status or 'no answer'} "
            f"in {record.seconds * 1000:.0f} ms [{record.request_id}]"
        )

    return Client(
        replace(api, url=url),
        session.workspace.kinds,
        scopes=job.scopes,
        read_only=False,
        on_request=on_request,
        redact=redact,
        tell=terminal.debug,
        detail=session.detail,
    )
