"""``reconciler drift``: what somebody changed in the tenant behind git's back; never writes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reconciler.cli.common import EXIT_CHANGES, Settings, document, standard_options
from reconciler.cli.planning_options import REPORTS, parse_reports, plan_as

if TYPE_CHECKING:
    from reconciler.core.plan import Plan


@click.command(
    epilog="""\b
Examples:
  reconciler drift
  reconciler drift -t prod --unmanaged --format json
"""
)
@click.option("--unmanaged", is_flag=True, help="Also list live resources that no manifest declares.")
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=FILE", help=f"Write to a file: {', '.join(REPORTS)}."
)
@standard_options(formats=("text", "json", "markdown"))
def command(settings: Settings, unmanaged: bool, reports: tuple[str, ...]) -> int:
    """Show what somebody changed behind git's back.

    Compares what was last applied with what is live. Exits 2 when there is drift.
    """
    from reconciler.engine.drift import find_drift
    from reconciler.engine.planner import INTERRUPTED
    from reconciler.engine.session import Session
    from reconciler.render.drift_text import render_drift_text

    wanted = parse_reports(reports)
    with Session.open(settings.directory, settings.target, debug=settings.debug, detail=settings.verbose) as session:
        found = find_drift(session, unmanaged=unmanaged)
        if session.interrupted:
            settings.note(f"warning: {INTERRUPTED}")
    for form, file in wanted:
        from reconciler.engine.planfiles import write_text

        write_text(file, _drift_junit(found.plan) if form == "junit" else plan_as(form, found.plan))
    if settings.format == "text":
        document(render_drift_text(found.plan, width=settings.width, color=settings.color))
        if unmanaged:
            document(_unmanaged_text(found.unmanaged))
    elif settings.format == "json":
        document(found.to_json(unmanaged=unmanaged))
    else:
        document(plan_as(settings.format, found.plan))
    return EXIT_CHANGES if found.plan.drifted else 0


def _drift_junit(plan: Plan) -> str:
    from reconciler.render.plan_junit import render_drift_junit

    return render_drift_junit(plan)


def _unmanaged_text(items: tuple[tuple[str, str, str], ...]) -> str:
    from reconciler.cli.common import printable

    if not items:
        return "Nothing unmanaged: every live resource of these kinds is declared."
    lines = [f"Unmanaged ({len(items)}): live, and declared by no manifest"]
    lines += [f"  {kind} {printable(name)!r} (id {resource_id})" for kind, name, resource_id in items]
    return "\n".join(lines)
