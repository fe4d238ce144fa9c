"""What a reader wants to know of a change beyond its fields: classes of schema change, files of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.kind import Kind
from reconciler.core.plan import Change, Problem
from reconciler.core.resource import Key, Observed
from reconciler.core.schema_change import SchemaEffect, classify
from reconciler.core.values import ABSENT, Bundle, Tree


def with_details(
    kind: Kind,
    change: Change,
    base: Tree,
    live: Tree,
    sealed: Tree,
    observed: Observed,
    readers: Mapping[Key, tuple[Key, ...]],
) -> tuple[Change, Problem | None]:
    """Add the details to a change of what exists, and say where it would break the records that are there."""
    if kind.bundle and any(item.path == (kind.bundle.field,) for item in change.fields):
        known = base.get(kind.bundle.field, ABSENT)
        change = replace(change, bundle_files=bundle_files(known, sealed.get(kind.bundle.field)))
        return change, without_content(kind, change.key, sealed)
    if kind.table is None:
        return change, None
    moved = {item.path[0] for item in change.fields if item.sends}
    effects = classify(kind.table, live, {name: value for name, value in sealed.items() if name in moved})
    records = observed.body.get(kind.table.count)
    touches = readers.get(change.key, ()) if effects else ()
    detailed = replace(change, effects=effects, touches=touches)
    return detailed, _breaks(change.key, effects, records if isinstance(records, (int, float)) else 0)


def without_content(kind: Kind, key: Key, sealed: Tree) -> Problem | None:
    """Say that a bundle would have to be sent of which only the digest is known; None where there is something to send."""
    code = sealed.get(kind.bundle.field) if kind.bundle is not None else None
    if not isinstance(code, Bundle) or code.path:
        return None
    return Problem(
        "G030",
        f"{key} is declared by its code's digest alone, so that there is no code to send",
        "put the code into a folder of the project and name it in code.path",
        key,
    )


def records_lost(kind: Kind, key: Key, live: Observed) -> Problem | None:
    """What deleting a table means for the records in it; None where there are none."""
    records = live.body.get(kind.table.count) if kind.table is not None else None
    if not isinstance(records, (int, float)) or records <= 0:
        return None
    return Problem(
        "G017",
        f"{key} holds {records:g} records, which would be deleted with it",
        f"restore its manifest, or, if the records may be lost, --allow G017:{key}",
        key,
        f"G017:{key}",
    )


def _breaks(key: Key, effects: tuple[SchemaEffect, ...], records: float) -> Problem | None:
    breaking = [effect for effect in effects if effect.effect == "breaking"]
    if not breaking or records <= 0:
        return None
    listed = "; ".join(f"{effect.column}: {effect.message}" for effect in breaking)
    return Problem(
        "G008",
        f"{key} holds {records:g} records, and the change breaks them: {listed}",
        "add a new nullable column beside the old one, fill it, move the mappings over, then drop the old one "
        "once the dataset is empty; or declare a new resource under another name",
        key,
    )


def bundle_files(before: object, after: object) -> tuple[tuple[str, str], ...]:
    """Which files of a bundle are added, changed or removed, by name."""
    old = before.files if isinstance(before, Bundle) else {}
    new = after.files if isinstance(after, Bundle) else {}
    return tuple(
        (name, "added" if name not in old else "removed" if name not in new else "changed")
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
