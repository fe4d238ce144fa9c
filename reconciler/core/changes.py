"""How one change is made of what planning found: its fields, the state it is pinned to, and the entry that it leaves."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.compare import Comparison, FieldChange, all_new
from reconciler.core.details import bundle_files
from reconciler.core.kind import Kind
from reconciler.core.matching import Match
from reconciler.core.plan import Change, Step
from reconciler.core.resource import Desired, Entry, Observed, Pin, PinStyle
from reconciler.core.settled import what_else
from reconciler.core.steps import settled_fields, sourced_marks
from reconciler.core.values import ABSENT, Tree
from reconciler.core.wire import live_digest, live_tree


@dataclass(frozen=True, slots=True)
class Sides:
    """One resource as it was last applied, as its manifest declares it (sealed), and as it is live."""

    base: Tree
    declared: Tree
    live: Tree


def create_change(kind: Kind, item: Match, declared: Tree, steps: tuple[Step, ...]) -> Change:
    """The change that creates what is not there; ``declared`` is sealed."""
    desired = item.desired
    fields = all_new(declared)
    return Change(
        desired.key,
        "create",
        str(declared["name"]),
        steps=steps,
        fields=fields,
        entry=_entry(desired, "", declared),
        reason="missing" if item.entry is not None else "",
        moved_from=item.moved_from,
        mark=desired.locate(()),
        marks=sourced_marks(kind, fields, desired),
        bundle_files=bundle_files(ABSENT, declared.get(kind.bundle.field) if kind.bundle else ABSENT),
        labels=desired.labels,
        annotations=desired.annotations,
    )


def existing_change(
    kind: Kind, item: Match, live: Observed, pin: Pin, sides: Sides, found: Comparison, steps: tuple[Step, ...]
) -> Change:
    """The change of what exists: an update, an adoption, or an entry of the ledger that is written again."""
    desired = item.desired
    return Change(
        desired.key,
        "adopt" if item.entry is None else "update" if steps else "none",
        str(sides.declared["name"]),
        resource_id=live.id,
        pin=pin,
        steps=steps,
        fields=found.changes,
        unchecked=found.unchecked,
        entry=_entry(desired, live.id, settled_fields(sides.declared, sides.base, desired.lifecycle.ignore_changes)),
        reason=what_else(item.entry, desired, item.moved_from),
        moved_from=item.moved_from,
        mark=desired.locate(()),
        marks=sourced_marks(kind, found.changes, desired),
        modified=(live.modified_by, live.modified_time),
        labels=desired.labels,
        annotations=desired.annotations,
    )


def delete_change(kind: Kind, entry: Entry, live: Observed, pin: Pin, *, with_records: bool) -> Change:
    """The change that deletes what is live, by force where records go ``with_records``."""
    return Change(
        entry.key,
        "delete",
        live.name,
        entry.id,
        pin,
        (Step("delete", {"force": True} if with_records else {}),),
        tuple(
            FieldChange((name,), "ours", value, ABSENT, value)
            for name, value in sorted(live_tree(kind, live.body).items())
        ),
        reason="with its records" if with_records else "",
        modified=(live.modified_by, live.modified_time),
    )


def pin_of(kind: Kind, live: Observed, style: PinStyle) -> Pin:
    """The pin for a write on what was observed, in the target's concurrency style (design §4)."""
    mark = live_digest(kind, live.body)
    if style == "etag" and live.etag:
        return Pin("etag", live.etag, mark)
    version = live.body.get(kind.wire.version_field) if kind.wire and kind.wire.version_field else None
    if style != "compare" and version is not None:
        return Pin("version", str(version), mark)
    return Pin("compare", "", mark)


def _entry(desired: Desired, resource_id: str, fields: Tree) -> Entry:
    return Entry(
        desired.key,
        resource_id,
        fields,
        tuple(sorted(desired.dependencies)),
        desired.lifecycle.protect,
        desired.lifecycle.retain,
    )
