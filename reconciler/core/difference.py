"""A difference: two statements of the same project or tenant side by side, neither of them applied to anything.

``diff --base`` compares what two revisions of a project declare, ``diff --against`` what is live in two targets. Both give
this one value, which every renderer shows and whose JSON `difference_to_json` writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.codec import encode_tree
from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.kind import KindClass
from reconciler.core.resource import Key
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT

FORMAT_VERSION = "1.0"
"""Major and minor version of the difference's JSON."""

Status = Literal["added", "removed", "changed", "moved"]
"""``added`` is there on the later side alone, ``removed`` on the earlier one alone; ``moved`` has another key (and perhaps
other values besides)."""

_ABSENT = {"@reconciler": {"absent": True}}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sides.

    ``label`` is what a reader calls it (a revision, ``work tree``, a target), ``detail`` what it is exactly (a commit in hex,
    a URL), empty where there is nothing more to say.
    """

    label: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One manifest or resource that the two sides state otherwise.

    ``fields`` hold the values as ``live`` (before) and ``desired`` (after), each perhaps `ABSENT`; those of what is added or
    removed are its whole content. ``settings`` are differences in what never reaches the tenant: labels, lifecycle, tests.
    ``mark`` is where the later side declares it, or the earlier one what is removed. ``touches`` are the manifests that refer
    to it, directly or through others, jobs and mappings included; ``touches_more`` says that there are more than were listed.
    """

    key: Key
    kind_class: KindClass
    status: Status
    fields: tuple[FieldChange, ...] = ()
    settings: tuple[FieldChange, ...] = ()
    live_name: str = ""
    moved_from: Key | None = None
    mark: Mark | None = None
    effects: tuple[SchemaEffect, ...] = ()
    bundle_files: tuple[tuple[str, str], ...] = ()
    touches: tuple[Key, ...] = ()
    touches_more: bool = False

    @property
    def breaking(self) -> bool:
        """Whether records that are there already would not fit any more."""
        return any(effect.effect == "breaking" for effect in self.effects)


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two sides, by key.

    ``settings`` are differences of the project file. ``unchanged`` counts what both state alike; ``left_out`` are keys of which
    one side is not valid, so that nothing can be said of them. ``narrowed`` names what the comparison was limited to.
    """

    before: Side
    after: Side
    target: str = ""
    items: tuple[Item, ...] = ()
    settings: tuple[FieldChange, ...] = ()
    unchanged: int = 0
    left_out: tuple[Key, ...] = ()
    warnings: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether there is anything to show; what could not be compared counts, since nobody knows that it is the same."""
        return bool(self.items or self.settings or self.left_out)

    def count(self, status: Status) -> int:
        """How many items have one status."""
        return sum(1 for item in self.items if item.status == status)

    @property
    def breaking(self) -> tuple[Item, ...]:
        """The items whose schema change breaks records."""
        return tuple(item for item in self.items if item.breaking)


def summary(difference: Difference) -> str:
    """The one-line account that every renderer begins with."""
    parts = [f"{difference.count(status)} {status}" for status in ("added", "changed", "removed")]
    if moved := difference.count("moved"):
        parts.append(f"{moved} moved")
    if breaking := len(difference.breaking):
        parts.append(f"{breaking} breaking")
    if settings := len(difference.settings):
        parts.append(f"{settings} {'setting' if settings == 1 else 'settings'} of the project")
    if left_out := len(difference.left_out):
        parts.append(f"{left_out} not compared")
    return ", ".join(parts)


def difference_to_json(difference: Difference) -> dict[str, Any]:
    """The whole difference as JSON (schemas/diff.json). Secrets are references, bundles SHA-256."""
    return {
        "format_version": FORMAT_VERSION,
        "summary": summary(difference),
        "before": _side_to_json(difference.before),
        "after": _side_to_json(difference.after),
        "target": difference.target,
        "narrowed": list(difference.narrowed),
        "unchanged": difference.unchanged,
        "items": [_item_to_json(item) for item in difference.items],
        "settings": [_field_to_json(field) for field in difference.settings],
        "leftOut": [str(key) for key in difference.left_out],
        "warnings": list(difference.warnings),
    }


def _side_to_json(side: Side) -> dict[str, str]:
    return {"label": side.label, "detail": side.detail}


def _item_to_json(item: Item) -> dict[str, Any]:
    return {
        "key": str(item.key),
        "class": item.kind_class,
        "status": item.status,
        "name": item.live_name,
        "movedFrom": str(item.moved_from) if item.moved_from else None,
        "source": str(item.mark) if item.mark else None,
        "fields": [_field_to_json(field) for field in item.fields],
        "settings": [_field_to_json(field) for field in item.settings],
        "effects": [{"effect": e.effect, "column": e.column, "message": e.message} for e in item.effects],
        "bundleFiles": [list(file) for file in item.bundle_files],
        "touches": [str(key) for key in item.touches],
        "touchesMore": item.touches_more,
    }


def _field_to_json(field: FieldChange) -> dict[str, Any]:
    return {
        "label": field.label,
        "path": list(field.path),
        "keyed": field.keyed,
        "before": _value_to_json(field.live),
        "after": _value_to_json(field.desired),
    }


def _value_to_json(value: Any) -> Any:
    return _ABSENT if value is ABSENT else encode_tree(value)
