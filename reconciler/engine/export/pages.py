"""The files of an export: manifests as text, with the comments that say what is left to do, and the list of secrets."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.resource import Key
from reconciler.engine.export.writing import Wanted, Written, manifest_of
from reconciler.loading.yaml_writer import write_document

SECRETS_FILE: Final = "SECRETS.md"
_HEAD: Final = """\
# Secrets to provide

The tenant does not give secrets back, so the exported manifests name environment variables in their place. Set a variable and the
next apply writes its secret; leave it unset and the tenant keeps the one that it has. Any other provider will do: edit the
manifest's `${secret:env:NAME}`.

| variable | manifest | field |
| --- | --- | --- |
"""
_ROW: Final = re.compile(r"^\| `[^`]+` \|.*$", re.MULTILINE)


def manifests(written: Written) -> dict[Key, str]:
    """The text of every manifest, by key, in order."""
    texts: dict[Key, str] = {}
    for item in written.items:
        notes = {"spec": item.notes} if item.notes else None
        texts[item.key] = write_document(manifest_of(item.key, item.spec), notes)
    for fragment in written.shared:
        texts[fragment.key] = write_document(manifest_of(fragment.key, fragment.spec))
    return dict(sorted(texts.items()))


def files(texts: dict[Key, str], wanted: Wanted) -> dict[str, str]:
    """The manifests as they are spread over files, by path relative to the project."""
    parts: dict[str, list[str]] = {}
    for key, text in texts.items():
        parts.setdefault(wanted.file(key), []).append(text)
    return {file: "---\n".join(found) for file, found in sorted(parts.items())}


def secrets_page(written: Written, before: str = "") -> str:
    """The list of secrets to provide, with the rows of an earlier export kept; empty where there is none at all."""
    rows = {_row(item.variable, str(item.key), item.path) for item in written.secrets} | set(_ROW.findall(before))
    return _HEAD + "\n".join(sorted(rows)) + "\n" if rows else ""


def ours(text: str) -> bool:
    """Whether a file is such a list, and may be written anew."""
    return text.startswith(_HEAD.partition("\n")[0])


def _row(*cells: str) -> str:
    first, *others = (re.sub(r"[\s`|<>\\]+", " ", cell) for cell in cells)
    return "| " + " | ".join([f"`{first}`", *others]) + " |"
