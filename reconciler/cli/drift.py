"""``reconciler drift``: what somebody changed in the tenant behind git's back; never writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.common import EXIT_CHANGES, Settings, document, standard_options
from reconciler.cli.planning_options import check_report_files, parse_reports
from reconciler.cli.rendering import FORMATS, REPORTS, drift_as
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.written_back import WrittenBack
    from reconciler.engine.drift import Drift
    from reconciler.engine.session import Session


@click.command(
    epilog="""\b
Examples:
  reconciler drift
  reconciler drift -t prod --unmanaged --format json
  reconciler drift -t prod --write-back; git diff
  reconciler drift -t prod --watch 300 --metrics-port 9105
"""
)
@click.option("--unmanaged", is_flag=True, help="Also list live resources that no manifest declares.")
@click.option(
    "--write-back", is_flag=True, help="Edit the manifests so that they declare what is live; comments and layout stay."
)
@click.option(
    "--watch",
    "seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Go on looking, so long after each look, and tell whenever something changes.",
)
@click.option(
    "--metrics-port",
    metavar="[HOST:]PORT",
    help="With --watch: serve Prometheus metrics (host: 127.0.0.1 unless given).",
)
@click.option(
    "--webhook",
    metavar="URL",
    help="Post here what drifted; with --watch whenever that changes. RECONCILER_WEBHOOK keeps it secret.",
)
@click.option(
    "--webhook-format",
    type=click.Choice(("json", "slack")),
    default="json",
    show_default=True,
    help="A body for machines, or a message in the form that Slack and its like take.",
)
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=FILE", help=f"Write to a file: {', '.join(REPORTS)}."
)
@standard_options(formats=FORMATS)
def command(settings: Settings, unmanaged: bool, write_back: bool, reports: tuple[str, ...], **watching: Any) -> int:
    """Show what somebody changed behind git's back.

    Compares what was last applied with what is live. Exits 2 when there is drift, also when --write-back has put it into
    the manifests: review the edits and commit them, and the next plan is empty.
    """
    from reconciler.engine.drift import find_drift
    from reconciler.engine.planner import INTERRUPTED
    from reconciler.engine.session import Session

    wanted = parse_reports(reports)
    check_report_files(wanted)
    if watching["seconds"] is not None:
        return _watch(settings, watching, unmanaged=unmanaged, once=write_back or bool(reports))
    webhook = _webhook(watching)
    # Writing back edits the documents themselves, so that they have to be read.
    opened = Session.open(
        settings.directory, settings.target, debug=settings.debug, detail=settings.verbose, recall=not write_back
    )
    with opened as session:
        found = find_drift(session, unmanaged=unmanaged)
        written = _written_back(session, found) if write_back else None
        if session.interrupted:
            settings.note(f"warning: {INTERRUPTED}")
    if webhook and found.plan.drifted:
        from reconciler.cli.drift_watch import post_drift

        post_drift(settings, found, webhook, watching["webhook_format"])
    _tell(settings, found, written, wanted, unmanaged=unmanaged)
    return EXIT_CHANGES if found.plan.drifted else 0


def _tell(
    settings: Settings,
    found: Drift,
    written: WrittenBack | None,
    wanted: list[tuple[str, Path]],
    *,
    unmanaged: bool,
) -> None:
    """Write the reports that are wanted, and the document."""
    from reconciler.render.drift_text import render_drift_text
    from reconciler.render.write_back_text import render_write_back

    for form, file in wanted:
        from reconciler.engine.planfiles import write_text

        write_text(file, drift_as(form, found, unmanaged=unmanaged, written=written))
    if settings.format != "text":
        document(drift_as(settings.format, found, unmanaged=unmanaged, written=written))
        return
    document(render_drift_text(found.plan, width=settings.width, color=settings.color))
    if unmanaged:
        document(_unmanaged_text(found))
    if written is not None and found.plan.drifted:
        document(render_write_back(written))


def _watch(settings: Settings, options: dict[str, Any], *, unmanaged: bool, once: bool) -> int:
    from reconciler.cli.drift_watch import WatchOptions, check_webhook, watch
    from reconciler.cli.places import take_place

    if once or settings.format not in ("text", "json"):
        form = settings.format if settings.format not in ("text", "json") else "markdown"
        raise UsageError(f"--watch tells changes one by one: it takes no --write-back, --report or --format {form}")
    webhook = check_webhook(options["webhook"]) if options["webhook"] else ""
    metrics = take_place(options["metrics_port"])
    return watch(settings, WatchOptions(options["seconds"], unmanaged, metrics, webhook, options["webhook_format"]))


def _webhook(options: dict[str, Any]) -> str:
    """The webhook of a single look, checked before anything is done; what only a watch can do is refused."""
    from reconciler.cli.drift_watch import check_webhook

    source = click.get_current_context().get_parameter_source
    # A variable of the environment may stand there for other runs.
    if options["metrics_port"] and source("metrics_port") is click.core.ParameterSource.COMMANDLINE:
        raise UsageError("--metrics-port goes with --watch SECONDS")
    return check_webhook(options["webhook"]) if options["webhook"] else ""


def _written_back(session: Session, found: Drift) -> WrittenBack:
    from reconciler.engine.write_back import write_back

    return write_back(session, found)


def _unmanaged_text(found: Drift) -> str:
    from reconciler.cli.common import printable

    if not found.unmanaged:
        return "Nothing unmanaged: a manifest declares every live resource."
    lines = [f"Unmanaged ({len(found.unmanaged)}): live, and declared by no manifest"]
    for kind, name, resource_id in found.unmanaged:
        origin = "; applied by this project, and its manifest is gone" if resource_id in found.orphans else ""
        lines.append(f"  {kind} {printable(name)!r} (id {resource_id}{origin})")
    return "\n".join(lines)
