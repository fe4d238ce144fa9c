"""``reconciler run``: carry out data jobs that manifests declare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import EXIT_INVALID, EXIT_PARTIAL, Settings, document, standard_options
from reconciler.cli.places import take_place
from reconciler.cli.planning_options import check_report_files, parse_key, parse_reports

if TYPE_CHECKING:
    from reconciler.jobs.report import JobReport, Verdict

REPORTS = ("json", "markdown", "junit")
"""What ``--report FORMAT=FILE`` may name."""


@click.command(
    epilog="""\b
Examples:
  reconciler run Ingestion/claims-nightly
  reconciler run Ingestion/claims-nightly --dry-run
  reconciler run Ingestion/claims-nightly --resume
  reconciler run Ingestion/claims-nightly --replay .reconciler/quarantine/claims.ndjson
  reconciler run StreamSink/interactions --until-idle 10
  reconciler run ConnectorSync/crm-hourly Ingestion/claims-nightly --report junit=jobs.xml
"""
)
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...", shell_complete=completion.job_keys)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take the records of a quarantine or recovery file, corrected, in place of the source.",
)
@click.option("--dry-run", is_flag=True, help="Read, check and count; send nothing.")
@click.option(
    "--until-idle",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End a job that follows a stream after so long without an event.",
)
@click.option(
    "--max-events",
    type=click.IntRange(min=1),
    metavar="N",
    help="End a job that follows a stream after so many events; those that came with them are kept, too.",
)
@click.option(
    "--metrics-port",
    metavar="[HOST:]PORT",
    help="Serve Prometheus metrics while jobs run (host: 127.0.0.1 unless given).",
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the outcome to a file: json, markdown, junit.",
)
@standard_options(formats=("text", "json"))
def command(
    settings: Settings,
    jobs: tuple[str, ...],
    resume: bool,
    replay: Path | None,
    dry_run: bool,
    until_idle: float | None,
    max_events: int | None,
    metrics_port: str | None,
    reports: tuple[str, ...],
) -> int:
    """Carry out data jobs, one after another.

    JOB is the key of a job's manifest: Ingestion/name, ExtensionSync/name, ConnectorSync/name or StreamSink/name. Ctrl-C finishes
    what is in hand; --resume goes on from there.
    """
    from reconciler.engine.session import Session
    from reconciler.jobs.job import JobOptions
    from reconciler.jobs.runner import Terminal, check_options, find_manifests, run_jobs

    files = parse_reports(reports, REPORTS)
    check_report_files(files)
    keys = [parse_key(text) for text in jobs]
    file = replay.absolute() if replay else None
    options = JobOptions(resume, file, dry_run, take_place(metrics_port), until_idle, max_events)
    terminal = Terminal(
        note=settings.note,
        warn=lambda text: settings.note(f"warning: {text}"),
        debug=settings.debug,
        quiet=settings.quiet or settings.format != "text",
    )
    with Session.open(settings.directory, settings.target, debug=settings.debug, detail=settings.verbose) as session:
        found = find_manifests(session, keys)
        check_options(found, options)
        done = run_jobs(session, found, options, terminal)
    return _end(settings, done, files)


def _end(settings: Settings, done: tuple[JobReport, ...], files: list[tuple[str, Path]]) -> int:
    """Write the outcome wherever it is wanted, and give the exit code of all jobs."""
    from reconciler.engine.planfiles import write_text
    from reconciler.jobs.report import verdict_of

    for form, file in files:
        write_text(file, _as(form, done))
    document(_as(settings.format, done))
    return exit_code(verdict_of(done), max((report.signal for report in done), default=0))


def _as(form: str, done: tuple[JobReport, ...]) -> str:
    from reconciler.jobs import report_text

    if form == "text":
        return "\n".join(report_text.render_text(report) for report in done)
    if form == "markdown":
        return report_text.render_markdown(done)
    if form == "junit":
        return report_text.render_junit(done)
    import orjson

    from reconciler.jobs.report import reports_to_json

    return orjson.dumps(reports_to_json(done), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def exit_code(verdict: Verdict, signal: int = 0) -> int:
    """The exit code of a run, from its verdict; ``signal`` is the number of the one that interrupted it."""
    if verdict == "interrupted":
        return 128 + signal
    return {"done": 0, "partial": EXIT_PARTIAL, "failed": 1, "denied": 3, "invalid": EXIT_INVALID}[verdict]
