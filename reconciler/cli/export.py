"""``reconciler export``: a tenant's live resources become manifests of the project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import EXIT_PARTIAL, Settings, document, standard_options
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.resource import Key
    from reconciler.core.selection import Selector
    from reconciler.engine.export.exporting import Export
    from reconciler.engine.export.survey import Survey
    from reconciler.engine.export.writing import Split, Wanted


@click.command(
    epilog="""\b
Examples:
  reconciler export -t prod
  reconciler export -t prod --kind Connector --only 'Connector/sales*' manifests/sales
  reconciler export -t prod --code actions --split kind
  reconciler export -t prod --stdout | less
"""
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    shell_complete=completion.kinds,
    help="Only this kind; repeatable.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="SELECTOR",
    shell_complete=completion.kinds,
    help="Only these: Kind/name by live name or key, globs allowed; repeatable.",
)
@click.option(
    "--exclude", multiple=True, metavar="SELECTOR", shell_complete=completion.kinds, help="Not these; repeatable."
)
@click.option(
    "--split",
    type=click.Choice(["resource", "kind"]),
    default="resource",
    show_default=True,
    help="A file for each resource, in a folder for each kind; or a file for each kind.",
)
@click.option(
    "--code",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder of the project with the code of actions: what is exactly the live code is named by its path; repeatable.",
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Write manifests anew that an earlier export wrote, and replace other files in the way.",
)
@click.option(
    "--adopt/--no-adopt",
    "taking_over",
    default=None,
    help="Whether the ledger learns of what is exported (default: where it is a file of this project).",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be written.")
@click.option(
    "--stdout", "to_stdout", is_flag=True, help="Write the manifests to stdout, the account to stderr, and no file."
)
@standard_options(formats=("text", "json"))
def command(
    settings: Settings,
    folder: Path | None,
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    split: str,
    code: tuple[Path, ...],
    overwrite: bool,
    taking_over: bool | None,
    dry_run: bool,
    to_stdout: bool,
) -> int:
    """Write what is live down as manifests.

    DIR is a folder of the project (default: the first of spec.manifests). What a manifest declares already is left alone, and
    what selected resources refer to comes along. Afterwards a plan finds nothing to do: that is checked before anything is
    written. Secrets become references to environment variables, listed in DIR/SECRETS.md; code that the API does not give
    back is pinned by its digest. Reads the tenant and never writes to it. Exits 4 where a resource could not be expressed.
    """
    from reconciler.engine.export.exporting import export, put_down, take_over

    wanted = _wanted(settings, folder, kinds, only, exclude, split, code)
    found = _surveyed(settings, wanted, overwrite=overwrite)
    made = export(found, wanted)
    nothing = dry_run or to_stdout or not made.files
    seen = _planned(found, wanted)
    if not nothing:
        put_down(made, overwrite=overwrite)
        local = found.session.workspace.target.ledger.startswith("file:")
        if seen and (local if taking_over is None else taking_over):
            take_over(made)
    _show(settings, made, dry_run=dry_run, to_stdout=to_stdout)
    if not nothing:
        _advise(settings, made, seen=seen)
    return EXIT_PARTIAL if any(not item.field for item in made.written.left_out) else 0


def _wanted(
    settings: Settings,
    folder: Path | None,
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    split: str,
    code: tuple[Path, ...],
) -> Wanted:
    """Read the options that say what is exported, and to where."""
    from reconciler.cli.new import pick_kind
    from reconciler.engine.export.code import bundles_in
    from reconciler.engine.export.writing import Wanted
    from reconciler.kinds import load_kinds
    from reconciler.loading.project_file import load_project

    registry = load_kinds()
    chosen = tuple(sorted({pick_kind(name, registry).name for name in kinds}))
    local = [name for name in chosen if registry[name].wire is None]
    if local:
        raise UsageError(f"{local[0]} is no kind of resource: nothing of it is live", fix="leave it out of --kind")
    root = load_project(settings.directory).root
    form: Split = "kind" if split == "kind" else "resource"
    folders = bundles_in(root, code)
    return Wanted(chosen, _selectors(only), _selectors(exclude), _folder(root, folder), form, folders)


def _surveyed(settings: Settings, wanted: Wanted, *, overwrite: bool) -> Survey:
    """Read project and tenant; what is written anew is disregarded."""
    from reconciler.engine.export.survey import survey
    from reconciler.engine.export.writing import kinds_of
    from reconciler.kinds import load_kinds

    def anew(file: str, key: Key) -> bool:
        return overwrite and file == wanted.file(key)

    return survey(
        settings.directory,
        settings.target,
        kinds_of(wanted, load_kinds()),
        debug=settings.debug,
        detail=settings.verbose,
        anew=anew,
    )


def _selectors(texts: tuple[str, ...]) -> tuple[Selector, ...]:
    from reconciler.cli.planning_options import parse_selectors

    found = parse_selectors(texts)
    for selector in found:
        if selector.label or selector.file:
            raise UsageError(
                f"{selector.text!r}: what is live has no labels and no files", fix="select by Kind/name, globs allowed"
            )
    return found


def _folder(root: Path, folder: Path | None) -> str:
    """The folder to write to, relative to the project."""
    from reconciler.loading.project_file import load_project

    if folder is None:
        return load_project(root).manifests[0].rstrip("/").removeprefix("./")
    path = folder.absolute()
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise UsageError(f"{folder} is not inside the project {root}", fix="name a folder of the project") from error


def _planned(found: Survey, wanted: Wanted) -> bool:
    """Whether the project reads manifests from the folder."""
    from pathlib import PurePosixPath

    names = [PurePosixPath(name) for name in found.session.workspace.project.manifests]
    return any(PurePosixPath(wanted.folder).is_relative_to(name) for name in names)


def _show(settings: Settings, made: Export, *, dry_run: bool, to_stdout: bool) -> None:
    account = made.account(dry_run=dry_run or to_stdout)
    if to_stdout:
        document("---\n".join(made.files.values()))
    if settings.format == "json":
        import json

        from reconciler.core.exported import exported_to_json

        text = json.dumps(exported_to_json(account), indent=2, ensure_ascii=False)
    else:
        from reconciler.render.export_text import render_export_text

        text = render_export_text(account)
    (settings.note if to_stdout else document)(text)


def _advise(settings: Settings, made: Export, *, seen: bool) -> None:
    """What comes next, for the person at the terminal."""
    folder = made.wanted.folder
    if not seen:
        settings.note(f"next: add {folder} to spec.manifests of reconciler.yaml; no plan reads it before")
    elif not made.adopted:
        settings.note("next: reconciler plan; the first apply puts into the ledger what has no entry there")
    else:
        settings.note("next: reconciler plan, which finds nothing to do; then commit")
