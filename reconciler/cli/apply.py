"""``reconciler apply``: make the tenant match, every write conditional on the state that was reviewed."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import EXIT_PARTIAL, EXIT_STALE, Settings, document, standard_options, tell_unkept
from reconciler.cli.environment import given
from reconciler.cli.plan import warn
from reconciler.cli.planning_options import (
    LOCK_TIMEOUT,
    check_report_files,
    parse_reports,
    planning_options,
    take_request,
)
from reconciler.cli.progress import ResultLog
from reconciler.cli.rendering import REPORTS, plan_as, report_as
from reconciler.errors import GuardRefused, StorageError, UsageError

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.core.report import Report, Result
    from reconciler.engine.applying import Applying
    from reconciler.engine.session import Session


@click.command(
    epilog="""\b
Examples:
  reconciler apply
  reconciler apply plan.json
  reconciler apply -t prod --expect 3f9c… --yes
  reconciler apply --resume
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[FILE | PATHS]...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--expect", metavar="CHANGEDIGEST", help="Plan anew and go on only if the changes are the reviewed ones.")
@click.option("--parallelism", type=click.IntRange(1, 200), default=10, show_default=True, help="Changes at a time.")
@click.option(
    "--on-stale",
    type=click.Choice(["fail", "replan"]),
    default="fail",
    show_default=True,
    help="What to do when a resource moved: report it, or go on where the reviewed change is still the same.",
)
@click.option("--resume", is_flag=True, help="Go on with an apply that was interrupted.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help=f"Write the outcome to a file: {', '.join(REPORTS)}.",
)
@LOCK_TIMEOUT
@planning_options
@standard_options(formats=("text", "json"))
def command(
    settings: Settings,
    paths: tuple[Path, ...],
    yes: bool,
    expect: str | None,
    parallelism: int,
    on_stale: str,
    resume: bool,
    reports: tuple[str, ...],
    lock_timeout: float,
    **options: Any,
) -> int:
    """Make the tenant match the manifests.

    With FILE, a plan saved by `plan --out`, exactly that plan is applied. Otherwise the changes are planned, shown, and
    applied after you agree.

    With --format json stdout is a stream of events, one JSON object a line (schemas/apply-events.json): the plan first, a
    result for each change as it ends, and the report.
    """
    saved = _saved_plan(paths)
    outcomes = parse_reports(reports)
    check_report_files(outcomes)
    asked = _Asked(paths, saved, resume, expect or "", yes, parallelism, on_stale == "replan", lock_timeout)
    _check(asked, options)
    return _end(settings, _carry_out(settings, asked, options), outcomes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One apply as the command line asks for it; ``saved`` is the plan file that it names, ``lock_timeout`` in seconds."""

    paths: tuple[Path, ...]
    saved: Path | None
    resume: bool
    expect: str
    yes: bool
    parallelism: int
    replan: bool
    lock_timeout: float

    @property
    def anew(self) -> bool:
        """Whether the changes are planned now, and not taken from a plan that was made before."""
        return self.saved is None and not self.resume


def _check(asked: _Asked, options: dict[str, Any]) -> None:
    """Refuse what does not go together; raises `UsageError`."""
    if asked.resume and (asked.paths or asked.expect):
        raise UsageError("--resume goes on with the journaled plan and takes no file, paths or --expect")
    if asked.saved is not None and asked.expect:
        raise UsageError("a plan file is applied as it is; --expect is for planning anew")
    # The environment is meant for all runs; only who writes an option here wants it to count here.
    if not asked.anew and any(given(click.get_current_context(), name) for name in options):
        raise UsageError("planning options have no say in a plan that is made already", fix="give them to `plan --out`")


def _carry_out(settings: Settings, asked: _Asked, options: dict[str, Any]) -> Report | None:
    """Apply in a session with the target; None where nobody agreed to it."""
    from reconciler.engine.applying import Applying
    from reconciler.engine.session import Session

    log = ResultLog(quiet=settings.quiet)

    def agree(plan: Plan) -> bool:
        agreed = _agree(settings, session, plan, yes=asked.yes or asked.saved is not None)
        if agreed and settings.format == "text":
            log.begin(len(plan.changes))
        return agreed

    opened = Session.open(
        settings.directory,
        settings.target,
        debug=settings.debug,
        detail=settings.verbose,
        need_manifests=asked.anew,
        recall=True,
    )
    with opened as session, log:
        if asked.anew:
            warn(settings, session.workspace.bound.diagnostics)
            tell_unkept(settings, session.workspace)
        request = take_request(options, session.workspace, () if asked.saved else asked.paths)
        applying = Applying(
            session,
            parallelism=asked.parallelism,
            replan=asked.replan,
            lock_timeout=asked.lock_timeout,
            listen=log if settings.format == "text" else _say,
            warn=lambda text: settings.note(f"warning: {text}"),
        )
        if asked.resume:
            return _resume(settings, applying)
        if asked.saved is not None:
            return applying.saved(asked.saved, agree)
        return applying.fresh(request, asked.expect, agree)


def _resume(settings: Settings, applying: Applying) -> Report:
    """Go on with the apply that its journal holds; it was agreed to when it began."""
    report = applying.resume(_tell_plan if settings.format == "json" else None)
    if not report.results:
        settings.note("Nothing to apply: no interrupted apply has anything left to do.")
    return report


def _saved_plan(paths: tuple[Path, ...]) -> Path | None:
    """The plan file among the arguments: a single file that is not a manifest."""
    if len(paths) == 1 and paths[0].is_file() and paths[0].suffix not in (".yaml", ".yml"):
        return paths[0]
    if any(path.suffix == ".json" for path in paths):
        raise UsageError("a plan file is applied alone", fix="name either one plan file or manifests")
    return None


def _agree(settings: Settings, session: Session, plan: Plan, *, yes: bool) -> bool:
    """Show the plan and ask; raises `GuardRefused` where guards stand in the way."""
    if settings.format == "text":
        document(plan_as("text", plan, width=settings.width, color=settings.color))
    else:
        _tell_plan(plan)
    if plan.problems:
        codes = sorted({problem.code for problem in plan.problems})
        raise GuardRefused(
            f"refused by {', '.join(codes)}; nothing was sent",
            codes=codes,
            fix="see above; `reconciler explain CODE` tells more",
        )
    if not plan.has_changes or yes:
        return True
    if not settings.interactive or not sys.stdin.isatty():
        raise UsageError(
            "apply asks before it writes, and there is nobody to ask",
            fix="add --yes, or apply a plan that was saved with `plan --out`",
        )
    target = session.workspace.target
    return click.confirm(f"Apply these changes to {target.name} ({target.url})?", err=True)


def _tell_plan(plan: Plan) -> None:
    """The first event of ``--format json``: what is to be applied."""
    from reconciler.core.planfile import plan_to_json

    _event("plan", plan_to_json(plan))


def _say(result: Result) -> None:
    """Tell of one result as it comes: one event of ``--format json``. An output that is full does not end an apply."""
    from reconciler.core.report import result_to_json

    with suppress(StorageError):
        _event("result", result_to_json(result))


def _event(name: str, data: dict[str, Any]) -> None:
    """Write one event of ``--format json``: one JSON object on one line."""
    import orjson

    document(orjson.dumps({"event": name, **data}, option=orjson.OPT_SORT_KEYS).decode())


def _end(settings: Settings, report: Report | None, files: list[tuple[str, Path]]) -> int:
    from reconciler.core.report import report_to_json

    if report is None:
        settings.note("Nothing was applied.")
        return 1
    for form, file in files:
        from reconciler.engine.planfiles import write_text

        write_text(file, report_as(form, report))
    if settings.format == "json":
        _event("report", report_to_json(report))
    elif report.results:
        document(report_as("text", report))
    return exit_code(report)


def exit_code(report: Report) -> int:
    """The exit code of an apply, from its verdict alone."""
    if report.verdict == "interrupted":
        return 128 + report.signal
    codes = {"nothing": 0, "applied": 0, "partial": EXIT_PARTIAL, "failed": 1, "stale": EXIT_STALE, "denied": 3}
    return codes[report.verdict]
