"""The options that plan and apply share, and how they become a request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completion
from reconciler.cli.common import with_options
from reconciler.cli.rendering import REPORTS
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.resource import Key
    from reconciler.core.selection import Selector
    from reconciler.core.since import Since
    from reconciler.engine.planner import Request
    from reconciler.engine.workspace import Workspace


_OPTIONS = (
    click.option("--prune/--no-prune", default=None, help="Delete owned resources whose manifest is gone."),
    click.option(
        "--only",
        multiple=True,
        metavar="SELECTOR",
        shell_complete=completion.declared_keys,
        help="Only these: Kind/name with globs, label=value, @file.",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="SELECTOR",
        shell_complete=completion.declared_keys,
        help="All but these.",
    ),
    click.option("--since", metavar="REV", help="Only what changed since this git revision, and what depends on it."),
    click.option(
        "--allow",
        multiple=True,
        metavar="CODE[:KEY|=N]",
        help="Accept one thing that a guard refuses, for this run.",
    ),
    click.option(
        "--adopt",
        multiple=True,
        metavar="KEY",
        shell_complete=completion.declared_keys,
        help="Take over a live resource of the same name.",
    ),
    click.option(
        "--write-secret",
        "write_secrets",
        multiple=True,
        metavar="KEY",
        shell_complete=completion.declared_keys,
        help="Write this resource's secrets again.",
    ),
)


def planning_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the planning options to a command; `take_request` reads them."""
    return with_options(function, _OPTIONS)


def take_request(options: dict[str, Any], workspace: Workspace, paths: tuple[Path, ...]) -> Request:
    """Take the planning options out of a command's keyword arguments; raises `UsageError` for malformed ones."""
    from reconciler.engine.planner import Request

    since, root = options.pop("since"), workspace.project.root
    return Request(
        prune=options.pop("prune"),
        only=parse_selectors(options.pop("only")),
        exclude=parse_selectors(options.pop("exclude")),
        files=tuple(inside_project(root, path) for path in paths),
        allow=frozenset(options.pop("allow")),
        adopt={parse_key(text): "" for text in options.pop("adopt")},
        write_secrets=frozenset(parse_key(text) for text in options.pop("write_secrets")),
        since=_changed_since(workspace, since) if since else None,
    )


def _changed_since(workspace: Workspace, revision: str) -> Since:
    from reconciler.engine.diff import changed_since

    return changed_since(workspace, revision)


def parse_key(text: str) -> Key:
    """Read ``Kind/name`` from the command line; raises `UsageError`."""
    from reconciler.core.resource import Key

    try:
        return Key.parse(text)
    except ValueError as error:
        raise UsageError(str(error), fix="write the key as Kind/name, as `reconciler graph` shows it") from error


def parse_selectors(texts: tuple[str, ...]) -> tuple[Selector, ...]:
    """Read selectors from the command line; raises `UsageError`."""
    from reconciler.core.selection import Selector

    try:
        return tuple(Selector.parse(text) for text in texts)
    except ValueError as error:
        raise UsageError(str(error)) from error


def inside_project(root: Path, path: Path) -> str:
    """A path from the command line, relative to the project; raises `UsageError` for one that lies outside."""
    try:
        return path.resolve().relative_to(root).as_posix()
    except ValueError as error:
        raise UsageError(f"{path} is not inside the project", fix="name a manifest or a folder of it") from error


def parse_reports(texts: tuple[str, ...], formats: tuple[str, ...] = REPORTS) -> list[tuple[str, Path]]:
    """Read ``FORMAT=FILE`` options, each in one of some formats; raises `UsageError`."""
    found = []
    for text in texts:
        form, equals, file = text.partition("=")
        if not equals or form not in formats or not file:
            raise UsageError(f"--report {text}: write FORMAT=FILE, FORMAT one of {', '.join(formats)}")
        found.append((form, Path(file)))
    return found


def check_report_files(reports: list[tuple[str, Path]]) -> None:
    """Refuse what cannot be written before anything is sent, rather than lose the report of what was."""
    places = [file.resolve() for _, file in reports]
    for number, (form, file) in enumerate(reports):
        if str(file) == "-":
            raise UsageError(f"--report {form}=-: that is no file", fix="name a file; --format is for stdout")
        if places[number] in places[:number] and not file.is_char_device():
            raise UsageError(f"--report {form}={file}: another report goes there", fix="name a file for each")
        check_place(f"--report {form}={file}", file)


def check_place(option: str, file: Path) -> None:
    """Refuse a place where no file can be written; ``option`` is what names it, as it was written."""
    if file.is_dir():
        raise UsageError(f"{option}: that is a folder", fix="name a file in it")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"{option}: there is no folder {file.parent}", fix="create it first")


LOCK_TIMEOUT = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait while somebody else holds the ledger's lock.",
)
"""The option of every command that writes the ledger."""
