"""One change of a plan as an entry of an HTML report."""

from __future__ import annotations

from typing import Final

from reconciler.core.compare import FieldChange
from reconciler.core.plan import Change
from reconciler.core.resource import Key
from reconciler.render.html import NOTHING, Html, el, join
from reconciler.render.html_parts import Entry, badge, code, field_table, place, remarks, spaced
from reconciler.render.page import reason, verb, writer
from reconciler.render.rows import SIGNS, Room, file_rows, note_of, remark_rows

_ROOM: Final = Room(full=True)
_HEADS: Final = ("In the tenant", "After apply")


def change_entry(change: Change, anchor: str, anchors: dict[Key, str], *, is_open: bool = False) -> Entry:
    """One change as an entry: its title, its fields side by side, and what else is to be known."""
    sign, word = SIGNS[change.action], verb(change)
    return Entry(anchor, change.action, sign, word, change.key, _aside(change), _body(change, anchors), is_open)


def _aside(change: Change) -> Html:
    named = change.live_name if change.live_name != change.key.name else ""
    held = change.action in ("delete", "adopt", "forget") and change.resource_id
    why, who = reason(change), writer(change) if change.action == "delete" else ""
    return spaced(
        [
            badge("conflict", "bad") if change.conflicted else badge("drifted", "warn") if change.drifted else NOTHING,
            badge("breaking", "bad") if any(item.effect == "breaking" for item in change.effects) else NOTHING,
            join("named ", code(named)) if named else NOTHING,
            place(change.mark),
            join("id ", code(change.resource_id)) if held else NOTHING,
            el("span", who, class_="why") if who else NOTHING,
            el("span", why, class_="why") if why else NOTHING,
        ]
    )


def _body(change: Change, anchors: dict[Key, str]) -> Html:
    heads = ("In the tenant", "Gone") if change.action == "delete" else _HEADS
    fields = (
        field_table(
            change.fields,
            heads,
            caption=f"Fields of {change.key}",
            note=field_note,
            marks=change.marks,
            file=change.mark.file if change.mark else "",
        )
        if change.fields
        else NOTHING
    )
    files = [el("li", el("code", row.lead), " ", row.note, class_="file") for row in file_rows(change, _ROOM)]
    said = [
        el("span", row.text, class_="breaking") if row.sign == "!" else row.text for row in remark_rows(change, _ROOM)
    ]
    waits = [el("a", str(key), href=f"#{anchors[key]}") for key in change.after if key in anchors]
    return join(
        fields,
        join(el("p", "Files of the bundle", class_="label"), el("ul", *files, class_="remarks", role="list"))
        if files
        else None,
        remarks([*said, join("comes after ", spaced(waits)) if waits else None]),
    )


def field_note(item: FieldChange) -> str:
    """Whose doing a difference is, without its brackets."""
    return note_of(item).strip("()")
