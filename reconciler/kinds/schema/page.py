"""A kind's page of the documentation, generated from the same model that validates its manifests."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.values import ABSENT
from reconciler.kinds.schema.fields import FieldDoc, fields_of, metadata_fields
from reconciler.kinds.schema.starter import starter

CLASSES = {
    "resource": "Resource kind: it lives in the tenant, and plan and apply compare it.",
    "fragment": "Fragment kind: other manifests use it, and nothing of its own lives in the tenant.",
    "job": "Job kind: it is run by `reconciler run`, and is never part of a plan's changes.",
}
"""What the classes of kinds mean, in a sentence each."""


def page(kind: Kind) -> str:
    """The Markdown page of a kind: what it is, its fields, how it behaves, and a starter."""
    lines = [
        f"# {kind.name}",
        "",
        "Generated from the kind's model; `make generated` writes it anew.",
        "",
        kind.summary,
        "",
        CLASSES[kind.kind_class],
        "",
        "## Fields",
        "",
        *_table(fields_of(kind)),
        "",
        *_behaviour(kind),
        "## Starter",
        "",
        f"What `reconciler new {kind.name} my-{_slug(kind.name)}` prints. Fields that may be left out are commented.",
        "",
        "```yaml",
        starter(kind, f"my-{_slug(kind.name)}").rstrip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def index_page(kinds: Iterable[Kind]) -> str:
    """The Markdown page that lists all kinds, and the metadata that they have in common."""
    lines = [
        "# Manifests",
        "",
        "Generated from the kinds' models; `make generated` writes it anew.",
        "",
        "| kind | class | what it is |",
        "| --- | --- | --- |",
        *(f"| [{kind.name}]({kind.name}.md) | {kind.kind_class} | {_cell(kind.summary)} |" for kind in kinds),
        "",
        "## Metadata",
        "",
        "Every manifest has it. None of it is sent to the tenant.",
        "",
        *_table(metadata_fields()),
        "",
    ]
    return "\n".join(lines)


def facts(kind: Kind) -> list[tuple[str, str]]:
    """How a kind behaves, as pairs of what and how, from its data."""
    found: list[tuple[str, str]] = []
    if kind.wire is not None:
        found += [
            ("API", f"{kind.wire.collection} (updated by {kind.wire.update})"),
            ("Scopes", f"{', '.join(kind.wire.read_scopes)} to read, {', '.join(kind.wire.write_scopes)} to write"),
        ]
    depends = dict.fromkeys(name for item in kind.references for name in item.kinds)
    depends.update(dict.fromkeys(item.kind for item in kind.fragments))
    lists = [
        ("Refers to", depends),
        ("Set by the server", sorted(kind.read_only)),
        ("Counters, never compared", sorted(kind.volatile)),
        ("Set on creation only", sorted(kind.immutable)),
        ("Owned whole", sorted([*kind.keyed_lists, *kind.sets, *kind.whole])),
        ("Order without meaning", sorted(kind.sets)),
        ("Secrets", [*(f"{item.path}.*" for item in kind.secret_maps), *sorted(kind.secret_fields)]),
        ("Live fields for ${ref:…}", sorted(kind.referable) if kind.kind_class == "resource" else []),
        ("Stays in git", sorted(kind.spec_only)),
    ]
    found += [(what, ", ".join(names)) for what, names in lists if names]
    if kind.lifecycle is not None:
        moves = "; ".join(f"{start} to {' or '.join(sorted(ends))}" for start, ends in kind.lifecycle.moves.items())
        found.append(("Lifecycle", f"{kind.lifecycle.field} begins as {kind.lifecycle.initial}; {moves}"))
    return found


def shown(value: Any) -> str:
    """A default or an example on one line of JSON; empty where there is none."""
    return "" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def _behaviour(kind: Kind) -> list[str]:
    pairs = facts(kind)
    if not pairs:
        return []
    return ["## Behaviour", "", *(f"- **{what}**: {_cell(how)}" for what, how in pairs), ""]


def _table(items: Iterable[FieldDoc]) -> list[str]:
    head = ["| field | type | required | default | meaning |", "| --- | --- | --- | --- | --- |"]
    return [*head, *(_row(item) for item in items)]


def _row(item: FieldDoc) -> str:
    default = shown(item.default)
    meaning = item.description + (f" Only in the form {item.form}." if item.form else "")
    return (
        f"| `{item.path}` | {_cell(item.type)} | {'yes' if item.required else ''} "
        f"| {f'`{default}`' if default else ''} | {_cell(meaning)} |"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_")


def _slug(name: str) -> str:
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in name).lstrip("-")
