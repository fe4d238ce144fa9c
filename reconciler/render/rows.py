"""One change as rows: what text, Markdown and HTML all show of it, before any of them lays it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.compare import FieldChange, Path
from reconciler.core.plan import Action, Change
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret
from reconciler.render.escape import cells, shorten, shorten_together, visible
from reconciler.render.values import LABEL_SHOWN, NOT_CHECKED, NOT_SET, inline, mask_together, outline, path_label

Sign = Literal["+", "-", "~", "!", " "]

SIGNS: dict[Action, str] = {"create": "+", "update": "~", "delete": "-", "adopt": "±", "forget": "·", "none": "="}
"""The sign that stands before a change of each action."""

UNLIMITED_PAIR = 120
"""Columns of ``before → after`` beyond which the two stand on lines of their own, where the width is not limited."""
UNLIMITED_VALUE = 160
"""Columns that one value may take where the width is not limited."""

SECRET_NOTES = {
    "rotated": "(secret, rotated)",
    "unchecked": NOT_CHECKED,
    "missing": "(secret, missing in the tenant)",
    "forced": "(secret, written again)",
}
"""What is said of a secret in place of its value, by its state."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much a row may take: ``width`` columns (0: no limit) after ``indent`` columns; ``full`` shortens nothing."""

    width: int = 0
    indent: int = 0
    full: bool = False

    def pair(self, taken: int) -> int:
        """Columns for ``before → after`` on one line, ``taken`` of the line being used already."""
        return max(self.width - self.indent - taken, 24) if self.width > 0 else UNLIMITED_PAIR

    def value(self, taken: int) -> int:
        """Columns for one value; 0 is no limit."""
        if self.full:
            return 0
        return max(self.width - self.indent - taken, 24) if self.width > 0 else UNLIMITED_VALUE


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a change: ``lead`` (a label with its colon), one value or two, and a remark of this tool.

    ``depth`` counts levels below the change. A row with both values is a replacement; with neither, a heading or a remark.
    """

    sign: Sign
    depth: int
    lead: str
    before: str = ""
    after: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The row as one line, without sign and indent."""
        value = f"{self.before} → {self.after}" if self.before and self.after else self.before or self.after
        return " ".join(part for part in (self.lead, value, self.note) if part)


def rows_of(change: Change, room: Room) -> list[Row]:
    """Everything there is to say about one change, below its title."""
    rows: list[Row] = []
    named = False
    for item in change.fields:
        rows += field_rows(item, room)
        if change.bundle_files and not named and any(isinstance(side, Bundle) for side in (item.desired, item.live)):
            rows += file_rows(change, room)
            named = True
    if change.bundle_files and not named:
        rows += file_rows(change, room)
    return rows + remark_rows(change, room)


def remark_rows(change: Change, room: Room) -> list[Row]:
    """What there is to say of a change besides its fields and files: secrets to check, effects, requests."""
    rows = [Row(" ", 1, f"{label_of(path, -1, room)}:", "", SECRET_NOTES["unchecked"]) for path in change.unchecked]
    for effect in change.effects:
        breaking = effect.effect == "breaking"
        text = f"{effect.effect}: {visible(effect.column)}: {visible(effect.message)}"
        rows.append(Row("!" if breaking else " ", 1, text))
    if change.touches:
        rows.append(Row(" ", 1, "touches:", "", ", ".join(visible(str(key)) for key in change.touches)))
    if len(change.steps) > 1:
        rows.append(Row(" ", 1, f"in {len(change.steps)} requests:", "", ", ".join(s.operation for s in change.steps)))
    if change.steps and change.pin.best_effort:
        rows.append(Row(" ", 1, "best effort: compared just before the write, as the API gives no ETag here"))
    return rows


def file_rows(change: Change, room: Room) -> list[Row]:
    """The files of a code bundle that differ."""
    signs: dict[str, Sign] = {"added": "+", "removed": "-", "changed": "~"}
    shown = change.bundle_files if room.full else change.bundle_files[:40]
    rows = [Row(signs.get(what, " "), 2, f"{visible(name)}", note=f"({visible(what)})") for name, what in shown]
    if len(shown) < len(change.bundle_files):
        rows.append(Row(" ", 2, f"… {len(change.bundle_files) - len(shown)} more files"))
    return rows


def label_of(path: Path, keyed: int, room: Room) -> str:
    """A field's path, cut in the middle where it is very long."""
    label = path_label(path, keyed)
    return label if room.full else shorten(label, LABEL_SHOWN)


def field_rows(item: FieldChange, room: Room) -> list[Row]:
    """One difference as rows: what the tenant has, what it will have, and whose doing it is."""
    lead = label_of(item.path, item.keyed, room) + ":"
    live, desired = mask_together((item.live, item.desired, item.base))[:2]
    note = note_of(item)
    if item.status == "released":
        return [Row(" ", 1, lead, "", _one(live, lead, room), note)]
    if item.secret or isinstance(item.desired, Secret):
        known = SECRET_NOTES.get(item.secret) or inline(item.desired if isinstance(item.desired, Secret) else MASKED)
        return [Row("+" if item.live is ABSENT else "~", 1, lead, "", known, note)]
    if desired is ABSENT:
        return _one_sided("-", lead, live, note, room)
    if live is ABSENT:
        return _one_sided("+", lead, desired, note, room)
    return _replaced(lead, live, desired, note, room)


def note_of(item: FieldChange) -> str:
    """Whose doing a difference is, where it is not git's alone; empty otherwise."""
    if item.status == "theirs":
        if item.desired is ABSENT:
            return "(drift: taken out again)"
        return "(drift: put back)" if item.live is ABSENT else "(drift: set back)"
    return {
        "both": "(conflict: git's value wins)",
        "unset": "(no longer declared: cleared)",
        "released": "(no longer declared: left as it is)",
    }.get(item.status, "")


def _one(value: Any, lead: str, room: Room) -> str:
    return shorten(inline(value), room.value(4 + cells(lead)))


def _one_sided(sign: Sign, lead: str, value: Any, note: str, room: Room) -> list[Row]:
    taken = 4 + (cells(note) + 1 if note else 0)
    width = room.pair(taken)
    lines = outline(lead, value, width, full=room.full)
    rows = [Row(sign, 1 + depth, text) for depth, text in lines]
    return [Row(sign, 1, rows[0].lead, note=note), *rows[1:]]


def _replaced(lead: str, live: Any, desired: Any, note: str, room: Room) -> list[Row]:
    before, after = inline(live), inline(desired)
    taken = 4 + cells(lead) + 4 + (cells(note) + 1 if note else 0)
    if cells(before) + cells(after) <= room.pair(taken):
        return [Row("~", 1, lead, before, after, note)]
    if isinstance(live, list) and isinstance(desired, list):
        return _list_rows(lead, live, desired, note, room)
    if isinstance(live, (dict, list)) or isinstance(desired, (dict, list)):
        return [Row("~", 1, lead, note=note), *_side("-", live, room), *_side("+", desired, room)]
    short = shorten_together((before, after), room.value(6))
    return [Row("~", 1, lead, note=note), Row("-", 2, "", short[0]), Row("+", 2, "", "", short[1])]


def _side(sign: Sign, value: Any, room: Room) -> list[Row]:
    width = room.pair(6)
    return [Row(sign, 2 + depth, text) for depth, text in outline("", value, width, full=room.full)]


def _list_rows(lead: str, live: list[Any], desired: list[Any], note: str, room: Room) -> list[Row]:
    """Two long lists: the items that go and come, and how many stay."""
    old, new = [inline(item) for item in live], [inline(item) for item in desired]
    gone = _beyond(live, old, new)
    come = _beyond(desired, new, old)
    if not gone and not come:
        return [Row("~", 1, lead, note="(the order changes)"), *_side("-", live, room), *_side("+", desired, room)]
    stay = len(live) - len(gone)
    remark = f"({stay} unchanged)" if stay else ""
    head = Row("~", 1, lead, note=" ".join(part for part in (remark, note) if part))
    return [head, *(_side("-", gone, room) if gone else ()), *(_side("+", come, room) if come else ())]


def _beyond(items: list[Any], texts: list[str], others: list[str]) -> list[Any]:
    """The items whose text the other side does not have as often."""
    left: dict[str, int] = {}
    for text in others:
        left[text] = left.get(text, 0) + 1
    found = []
    for item, text in zip(items, texts, strict=True):
        if left.get(text, 0):
            left[text] -= 1
        else:
            found.append(item)
    return found


def three_sides(item: FieldChange, room: Room) -> tuple[tuple[str, str], ...]:
    """What was last applied, what the tenant has and what git wants, each by its name, shortened against each other."""
    values = [NOT_SET if value is ABSENT else inline(value) for value in _masked_sides(item)]
    short = shorten_together(values, room.value(6 + len("applied")))
    return tuple(zip(("applied", "tenant", "git"), short, strict=True))


def _masked_sides(item: FieldChange) -> list[Any]:
    sides = mask_together((item.base, item.live, item.desired))
    if item.secret:
        return [side if side is ABSENT else MASKED for side in sides]
    return sides
