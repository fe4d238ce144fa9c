"""One item of a difference as rows, and the words that every form of a difference shares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from reconciler.core.compare import FieldChange
from reconciler.core.difference import Difference, Item, Side, Status, summary
from reconciler.core.values import Bundle, Secret, Template, Unknown
from reconciler.render.escape import visible
from reconciler.render.rows import Room, Row, field_rows

SIGNS: Final[dict[Status, str]] = {"added": "+", "changed": "~", "removed": "-", "moved": "±"}
"""The sign that stands before an item of each status."""

FILES_SHOWN: Final = 40
TOUCHED_SHOWN: Final = 20

NARROWED: Final = "Narrowed to"


def first_line(difference: Difference) -> str:
    """The account that comes first; two sides that say the same are said to."""
    line = f"{summary(difference)} ({difference.unchanged} unchanged)"
    return line if difference.differs else f"No difference. {line}"


def origin(difference: Difference) -> str:
    """What was compared with what, as one line."""
    target = f", target {visible(difference.target)}" if difference.target else ""
    return f"from {side_words(difference.before)} to {side_words(difference.after)}{target}"


def side_words(side: Side) -> str:
    """One side by its label and, shortened where it is a commit, by what it is exactly."""
    detail = side.detail[:12] if side.detail.isalnum() else side.detail
    return f"{visible(side.label)} at {visible(detail)}" if detail else visible(side.label)


def about(item: Item) -> str:
    """What stands behind an item's name: the live name where it is another, its source, and where it came from."""
    parts = []
    if item.live_name and item.live_name != item.key.name and item.kind_class == "resource":
        parts.append(f"named {visible(item.live_name)}")
    if item.mark is not None:
        parts.append(f"{visible(item.mark.file)}:{item.mark.line}")
    if item.moved_from is not None:
        parts.append(f"from {visible(str(item.moved_from))}")
    return ", ".join(parts)


def item_rows(item: Item, room: Room) -> list[Row]:
    """Everything there is to say about one item, below its title."""
    rows: list[Row] = []
    for field in shown_fields(item.fields):
        rows += field_rows(field, room)
        if isinstance(field.live, Bundle) or isinstance(field.desired, Bundle):
            rows += _file_rows(item, room)
    for field in shown_fields(item.settings):
        rows += field_rows(field, room)
    for effect in item.effects:
        text = f"{effect.effect}: {visible(effect.column)}: {visible(effect.message)}"
        rows.append(Row("!" if effect.effect == "breaking" else " ", 1, text))
    if item.touches:
        rows.append(Row(" ", 1, "touches:", "", touched(item, full=room.full)))
    return rows


def touched(item: Item, *, full: bool = False) -> str:
    """The manifests that an item's change touches, as many as are of use to a reader."""
    shown = item.touches if full else item.touches[:TOUCHED_SHOWN]
    left = len(item.touches) - len(shown)
    more = f", and {left} more" if left else ""
    return ", ".join(visible(str(key)) for key in shown) + (f"{more} at least" if item.touches_more else more)


def shown_fields(fields: Iterable[FieldChange]) -> list[FieldChange]:
    """Fields with secrets and references as a manifest spells them: here what is declared counts, not what it becomes."""
    return [
        replace(item, base=shown_value(item.base), live=shown_value(item.live), desired=shown_value(item.desired))
        for item in fields
    ]


def shown_value(value: Any) -> Any:
    """A value with its typed leaves as a manifest spells them; code bundles stay what they are."""
    if isinstance(value, Secret):
        return f"${{secret:{value.reference}}}"
    if isinstance(value, (Unknown, Template)):
        return str(value)
    if isinstance(value, dict):
        return {key: shown_value(item) for key, item in value.items()}
    return [shown_value(item) for item in value] if isinstance(value, list) else value


def _file_rows(item: Item, room: Room) -> list[Row]:
    shown = item.bundle_files if room.full else item.bundle_files[:FILES_SHOWN]
    rows = [
        Row("+" if what == "added" else "-" if what == "removed" else "~", 2, visible(name), note=f"({what})")
        for name, what in shown
    ]
    if len(shown) < len(item.bundle_files):
        rows.append(Row(" ", 2, f"… {len(item.bundle_files) - len(shown)} more files"))
    return rows
