"""``reconciler diff``: desired against desired, without a plan: two revisions of the project, or two of its targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import EXIT_CHANGES, Settings, document, standard_options
from reconciler.cli.planning_options import check_report_files, inside_project, parse_reports, parse_selectors
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.difference import Difference

FORMATS = ("text", "json", "markdown", "html")
"""What ``--format`` and ``--report FORMAT=FILE`` may name."""


@click.command(
    epilog="""\b
Examples:
  reconciler diff --base origin/main                    what this branch changes, with what is not committed
  reconciler diff --base v1.2 --head v1.3 -t prod
  reconciler diff --base origin/main --report markdown=diff.md --detailed-exitcode
  reconciler diff -t staging --against prod               what is live there, otherwise than here
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--base", metavar="REV", help="Compare with what this git revision declares, from where the two parted.")
@click.option("--head", metavar="REV", help="The later revision (default: the work tree).")
@click.option(
    "--against",
    metavar="TARGET",
    shell_complete=completion.targets,
    help="Compare what is live in --target with what is live in this other target.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="SELECTOR",
    shell_complete=completion.declared_keys,
    help="Only these: Kind/name with globs, label=value, @file.",
)
@click.option(
    "--exclude", multiple=True, metavar="SELECTOR", shell_complete=completion.declared_keys, help="All but these."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are differences.")
@click.option(
    "--report", "reports", multiple=True, metavar="FORMAT=FILE", help=f"Write it to a file too: {', '.join(FORMATS)}."
)
@click.option("--full", is_flag=True, help="Show long values whole.")
@standard_options(formats=FORMATS)
def command(
    settings: Settings,
    paths: tuple[Path, ...],
    base: str | None,
    head: str | None,
    against: str | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    detailed_exitcode: bool,
    reports: tuple[str, ...],
    full: bool,
) -> int:
    """Show what two revisions of the project declare otherwise, or what is live otherwise in two targets.

    With --base it works offline and asks for nothing: no tenant, no credentials, no secrets (they are compared by their references), no
    variables of the environment. Nothing of the repository is executed, so that it may run on anybody's pull request. What is
    compared is what the manifests mean for the target, so that a changed variable, patch, mapping or code file shows in every
    resource that uses it. PATHS limit it to some manifests.

    With --against both tenants are read, and never written to: resources of a kind are matched by their live names, ids and
    what the server owns are left out, references are compared by the name of what they point to, and of secrets only whether
    they are set. Manifests have no part in it.
    """
    wanted = parse_reports(reports, FORMATS)
    check_report_files(wanted)
    if against:
        _refuse_revisions(base, head, *paths)
        found = _between_tenants(settings, against, only, exclude)
    elif base:
        found = _between_revisions(settings, paths, base, head or "", only, exclude)
    else:
        raise UsageError(
            "say what to compare with",
            fix="--base REV, such as --base origin/main; or another tenant: --against TARGET",
        )
    return conclude(settings, found, wanted, full=full, detailed=detailed_exitcode)


def _refuse_revisions(*given: object) -> None:
    if any(given):
        raise UsageError(
            "--against compares what is live: revisions and paths have no part in it",
            fix="leave out --base, --head and PATHS; --only and --exclude narrow it",
        )


def _between_revisions(
    settings: Settings, paths: Sequence[Path], base: str, head: str, only: tuple[str, ...], exclude: tuple[str, ...]
) -> Difference:
    """What two revisions declare otherwise, of the manifests that ``paths`` and the selectors choose."""
    from reconciler.engine.diff import Narrowing, diff_revisions
    from reconciler.loading.project import project_root

    root = project_root(settings.directory)
    places = tuple(inside_project(root, path) for path in paths)
    narrowing = Narrowing(parse_selectors(only), parse_selectors(exclude), places)
    return diff_revisions(root, settings.target, base, head, narrowing)


def _between_tenants(settings: Settings, against: str, only: tuple[str, ...], exclude: tuple[str, ...]) -> Difference:
    """What is live otherwise in two targets. Raises `UsageError` for selectors that only manifests can meet."""
    from reconciler.engine.diff_tenants import diff_tenants

    chosen = [parse_selectors(texts) for texts in (only, exclude)]
    if any(selector.label or selector.file for selectors in chosen for selector in selectors):
        raise UsageError("what is live has no labels and no files", fix="select by Kind/name, globs allowed")
    return diff_tenants(
        settings.directory,
        settings.target,
        against,
        debug=settings.debug,
        detail=settings.verbose,
        only=chosen[0],
        exclude=chosen[1],
    )


def conclude(
    settings: Settings, found: Difference, reports: list[tuple[str, Path]], *, full: bool, detailed: bool
) -> int:
    """Write a difference to its reports and to stdout; the exit code follows from the same value."""
    for form, file in reports:
        from reconciler.engine.planfiles import write_text

        write_text(file, difference_as(form, found))
    document(difference_as(settings.format, found, width=settings.width, color=settings.color, full=full))
    return EXIT_CHANGES if detailed and found.differs else 0


def difference_as(form: str, found: Difference, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """A difference in one of `FORMATS`."""
    if form == "json":
        from reconciler.core.difference import difference_to_json
        from reconciler.render.document import render_json

        return render_json(difference_to_json(found))
    if form == "markdown":
        from reconciler.render.difference_markdown import render_difference_markdown

        return render_difference_markdown(found)
    if form == "html":
        from reconciler.render.difference_html import render_difference_html

        return render_difference_html(found)
    from reconciler.render.difference_text import render_difference_text

    return render_difference_text(found, width=width, color=color, full=full)
