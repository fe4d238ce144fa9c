"""``reconciler show``: a saved plan or report, in any format."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.rendering import FORMATS, plan_as, report_as


@click.command(
    epilog="""\b
Examples:
  reconciler show plan.json
  reconciler show plan.json --full
  reconciler show plan.json --format markdown > comment.md
  reconciler show plan.json --format html > plan.html
"""
)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--full", is_flag=True, help="Show long values whole, and every item.")
@standard_options(formats=(*FORMATS, "junit"), target=False)
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
        document(report_as(settings.format, saved.report, width=settings.width, color=settings.color, full=full))
    return 0
