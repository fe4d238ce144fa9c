"""``reconciler new``: print a commented starter manifest with every field of a kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, document, standard_options
from reconciler.errors import StorageError, UsageError

if TYPE_CHECKING:
    from reconciler.core.kind import Kind, Kinds


@click.command(
    epilog="""\b
Examples:
  reconciler new Connector customer-crm
  reconciler new DataAction enrich-caller --out manifests/actions/enrich-caller.yaml
"""
)
@click.argument("kind", shell_complete=completion.kinds)
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this new file instead of stdout.",
)
@standard_options(target=False)
def command(settings: Settings, kind: str, name: str, out: Path | None) -> None:
    """Print a commented starter manifest.

    Required fields hold plausible values, all others are commented out: take the '#' away to declare one. KIND is a kind of
    manifest (`reconciler explain` lists them), NAME becomes metadata.name.
    """
    from reconciler.kinds import load_kinds
    from reconciler.kinds.schema import starter
    from reconciler.model import LABEL_PATTERN

    found = pick_kind(kind, load_kinds())
    if not re.fullmatch(LABEL_PATTERN, name):
        raise UsageError(
            f"{name!r} can't be a manifest's name",
            fix="use lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit",
        )
    text = starter(found, name)
    if out is None:
        document(text)
        return
    _write_new(out, text)
    settings.note(f"wrote {out}")


def pick_kind(word: str, kinds: Kinds) -> Kind:
    """The kind that a person names, in whatever case; raises `UsageError` with the nearest one."""
    from reconciler.loading.suggest import did_you_mean

    by_word = {name.casefold(): kind for name, kind in kinds.items()}
    if word.casefold() in by_word:
        return by_word[word.casefold()]
    raise UsageError(f"there is no kind {word!r}", fix=did_you_mean(word, kinds, what="kinds"))


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        raise UsageError(f"{path} exists already", fix="choose another file, or delete it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror}", fix="check the folder and its rights"
        ) from error
