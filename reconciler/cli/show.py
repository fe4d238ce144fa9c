"""``reconciler show``: a saved plan or report, in any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.planning_options import plan_as

if TYPE_CHECKING:
    from reconciler.core.report import Report


@click.command(
    epilog="""\b
Examples:
  reconciler show plan.json
  reconciler show plan.json --full
  reconciler show plan.json --format markdown > comment.md
"""
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--full", is_flag=True, help="Show long values whole, and every item.")
@standard_options(formats=("text", "json", "markdown"), target=False)
def command(settings: Settings, file: Path, full: bool) -> int:
    """Show a plan that `plan --out` saved, or a report that `apply --report json=FILE` wrote.

    The file's format and digest are checked first; nothing else is read, and no target is asked.
    """
    from reconciler.engine.planfiles import read_saved

    saved = read_saved(file)
    if settings.format == "json":
        from reconciler.render.document import render_json

        document(render_json(saved.data))
    elif saved.plan is not None:
        document(plan_as(settings.format, saved.plan, width=settings.width, color=settings.color, full=full))
    elif saved.report is not None:
        document(_report_as(settings, saved.report, full=full))
    return 0


def _report_as(settings: Settings, report: Report, *, full: bool) -> str:
    if settings.format == "markdown":
        from reconciler.render.report_markdown import render_report_markdown

        return render_report_markdown(report)
    from reconciler.render.report_text import render_report_text

    return render_report_text(report, width=settings.width, color=settings.color, full=full)
