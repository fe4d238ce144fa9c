"""``reconciler plan``: show what apply would change; nothing is written to the tenant, whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import EXIT_CHANGES, EXIT_GUARD, Settings, document, standard_options, tell_unkept
from reconciler.cli.planning_options import (
    check_place,
    check_report_files,
    parse_reports,
    planning_options,
    take_request,
)
from reconciler.cli.rendering import FORMATS, REPORTS, plan_as

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.engine.session import Session


@click.command(
    epilog="""\b
Examples:
  reconciler plan
  reconciler plan -t prod --out plan.json --report markdown=plan.md --report html=plan.html
  reconciler plan --only 'Connector/*' --detailed-exitcode
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan for `apply FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=FILE", help=f"Write it to a file too: {', '.join(REPORTS)}."
)
@click.option("--full", is_flag=True, help="Show long values whole.")
@planning_options
@standard_options(formats=FORMATS)
def command(
    settings: Settings,
    paths: tuple[Path, ...],
    out: Path | None,
    detailed_exitcode: bool,
    reports: tuple[str, ...],
    full: bool,
    **options: Any,
) -> int:
    """Show what apply would change.

    Compares the manifests with the live tenant and with what was last applied. PATHS narrow the run to some manifests;
    a narrowed run neither deletes nor forgets.
    """
    from reconciler.engine.session import Session

    wanted = _files(reports, out)
    opened = Session.open(
        settings.directory, settings.target, debug=settings.debug, detail=settings.verbose, recall=True
    )
    with opened as session:
        warn(settings, session.workspace.bound.diagnostics)
        tell_unkept(settings, session.workspace)
        _tell_unwritable(settings, session)
        request = take_request(options, session.workspace, paths)
        plan = session.plan(request)
    _save(settings, plan, out, wanted)
    document(plan_as(settings.format, plan, width=settings.width, color=settings.color, full=full))
    return exit_code(plan, detailed=detailed_exitcode)


def _files(reports: tuple[str, ...], out: Path | None) -> list[tuple[str, Path]]:
    """The reports that are asked for, each with its file, once it is known that all files have a place."""
    wanted = parse_reports(reports)
    check_report_files(wanted)
    if out is not None:
        check_place(f"--out {out}", out)
    return wanted


def _tell_unwritable(settings: Settings, session: Session) -> None:
    """Say it where the state could not be written, as an apply would have to."""
    if reason := session.store.unwritable():
        embedded = ", and what follows was planned on a copy" if session.workspace.target.embedded else ""
        settings.note(f"note: {session.store.place('')} cannot be written ({reason}): apply will refuse{embedded}")


def _save(settings: Settings, plan: Plan, out: Path | None, reports: list[tuple[str, Path]]) -> None:
    """Write a plan to the files that are asked for."""
    if out is None and not reports:
        return
    from reconciler.engine.planfiles import write_plan, write_text

    if out is not None:
        write_plan(out, plan)
        settings.note(f"plan saved to {out}")
    for form, file in reports:
        write_text(file, plan_as(form, plan))


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """The exit code of a plan: guards first, then changes where they were asked for."""
    if plan.problems:
        return EXIT_GUARD
    return EXIT_CHANGES if detailed and plan.has_changes else 0


def warn(settings: Settings, diagnostics: Any) -> None:
    """Show the warnings of validation on stderr."""
    if diagnostics and not settings.quiet:
        from reconciler.render.diagnostics import render_diagnostics

        settings.note(render_diagnostics(diagnostics, "text", color=False).rstrip("\n"))
