"""The account of an export as text: how much was written, what is left to provide, what could not be expressed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.core.exported import Exported, LeftOut
from reconciler.render.escape import visible

_LISTED: Final = 10


def render_export_text(made: Exported) -> str:
    """The account, most important first; long lists are cut, and their rest counted (``--format json`` has it all)."""
    lines = [_summary(made)]
    width = max(map(len, made.counts), default=0)
    lines += [f"  {kind:{width}}  {count}" for kind, count in made.counts.items()]
    lines += _listed(
        f"Not exported ({len(made.missing)}): no manifest can say it", [_one(item) for item in made.missing]
    )
    fields = [item for item in made.left_out if item.field]
    lines += _listed(f"Left out of manifests ({len(fields)} fields)", [_one(item) for item in fields])
    lines += _listed(
        f"Ids that stay as they are ({len(made.literal_ids)} fields): a reference would close a circle, or no manifest has that id, or two have",
        [f"{key} {visible(path)}" for key, path in made.literal_ids],
    )
    lines += _listed(
        f"Code to provide ({len(made.code)}): the API does not give it back, so its digest is pinned",
        [str(key) for key in made.code],
    )
    if made.secrets:
        lines.append(f"Secrets to provide ({len(made.secrets)}): listed in {visible(made.secrets_file)}")
        lines += _rest([f"{item.variable}  {item.key} {visible(item.path)}" for item in made.secrets])
    lines += _listed(
        f"Taken along ({len(made.along)}): what was selected refers to it",
        [f"{key.kind} {visible(repr(key.name))}" for key in made.along],
    )
    return "\n".join(lines)


def _summary(made: Exported) -> str:
    known = f"{made.declared} {'is' if made.declared == 1 else 'are'} declared already" if made.declared else ""
    if not made.counts:
        return f"Nothing to export from {made.target}" + (f": {known}." if known else ".")
    verb = "Would write" if made.dry_run else "Wrote"
    count = len(made.files) - (made.secrets_file in made.files)
    files = f"{count} file{'' if count == 1 else 's'}"
    what = f"{made.manifests} manifest{'' if made.manifests == 1 else 's'}"
    taken = "; the ledger knows them now" if made.adopted else ""
    return f"{verb} {what} of {made.target} in {files} to {visible(made.folder)}{taken}" + (
        f"; {known}." if known else "."
    )


def _one(item: LeftOut) -> str:
    place = f" {item.field}" if item.field else ""
    return f"{item.kind} {visible(repr(item.name))} (id {visible(item.id)}){visible(place)}: {visible(item.reason)}"


def _listed(title: str, items: list[str]) -> list[str]:
    return [title, *_rest(items)] if items else []


def _rest(items: Iterable[str]) -> list[str]:
    found = list(items)
    more = [f"  … and {len(found) - _LISTED} more"] if len(found) > _LISTED else []
    return [f"  {item}" for item in found[:_LISTED]] + more
