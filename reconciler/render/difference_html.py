"""A difference as an HTML page: the same words as its text, with every value side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.core.difference import Difference, Item, Status, summary
from reconciler.core.resource import Key
from reconciler.render.difference_rows import NARROWED, SIGNS, shown_fields, side_words
from reconciler.render.html import NOTHING, Html, el, join
from reconciler.render.html_facts import counted, tally
from reconciler.render.html_page import Document, Section, Tile, Tone, render_page
from reconciler.render.html_parts import Entry, badge, code, entries, field_table, place, remarks, spaced

TONES: Final[dict[Status, str]] = {"added": "create", "changed": "update", "removed": "delete", "moved": "adopt"}
"""The colour of each status: that of the action which would follow from it."""


def render_difference_html(difference: Difference) -> str:
    """The whole difference as one page."""
    anchors = {item.key: f"c{index}" for index, item in enumerate(difference.items)}
    heads = _heads(difference)
    sections = [_breaking(difference, anchors), _items(difference, anchors, heads), _settings(difference, heads)]
    sections += [
        _lines("left-out", "Not compared", "The warnings say why.", map(str, difference.left_out)),
        _lines("warnings", "Warnings", "", difference.warnings),
    ]
    verdict, tone = _verdict(difference)
    page = Document(
        "Difference",
        f"for {difference.target}" if difference.target else "",
        verdict,
        tone,
        lead=f"{summary(difference)} ({difference.unchanged} unchanged).",
        tiles=[
            *(Tile(status, difference.count(status), TONES[status]) for status in SIGNS),
            Tile("breaking", len(difference.breaking), "bad"),
            Tile("unchanged", difference.unchanged),
        ],
        facts=[
            ("From", side_words(difference.before)),
            ("To", side_words(difference.after)),
            (NARROWED, ", ".join(difference.narrowed)),
        ],
        sections=[section for section in sections if section is not None],
        actions=tally(item.status for item in difference.items),
        kinds=tally(item.key.kind for item in difference.items),
        stamps=[("from", difference.before.detail), ("to", difference.after.detail), ("target", difference.target)],
    )
    return render_page(page)


def _heads(difference: Difference) -> tuple[str, str]:
    return difference.before.label, difference.after.label


def _verdict(difference: Difference) -> tuple[str, Tone]:
    if not difference.differs:
        return "No difference", "good"
    if difference.breaking:
        return f"{counted(len(difference.breaking), 'breaking change')}", "bad"
    count = len(difference.items) + len(difference.settings) + len(difference.left_out)
    return counted(count, "difference"), "warn" if difference.left_out else "calm"


def _breaking(difference: Difference, anchors: dict[Key, str]) -> Section | None:
    found = difference.breaking
    if not found:
        return None
    rows = [
        el(
            "li",
            el("p", badge("breaking", "bad"), " ", el("a", str(item.key), href=f"#{anchors[item.key]}")),
            *(el("p", f"{e.column}: {e.message}", class_="fix") for e in item.effects if e.effect == "breaking"),
        )
        for item in found
    ]
    body = el("ul", *rows, class_="problems", role="list")
    return Section("breaking", "Breaking", body, len(found), "Records that are there would not fit any more.", "bad")


def _items(difference: Difference, anchors: dict[Key, str], heads: tuple[str, str]) -> Section | None:
    if not difference.items:
        return None
    few = len(difference.items) <= 3
    shown = (_entry(item, anchors, heads, is_open=few) for item in difference.items)
    return Section("changes", "Differences", entries(shown, main=True), len(difference.items))


def _entry(item: Item, anchors: dict[Key, str], heads: tuple[str, str], *, is_open: bool) -> Entry:
    named = item.live_name if item.live_name != item.key.name and item.kind_class == "resource" else ""
    aside = spaced(
        [
            join("named ", code(named)) if named else NOTHING,
            place(item.mark),
            join("from ", code(str(item.moved_from))) if item.moved_from else NOTHING,
            badge("breaking", "bad") if item.breaking else NOTHING,
        ]
    )
    return Entry(
        anchors[item.key], TONES[item.status], SIGNS[item.status], item.status, item.key, aside,
        _body(item, anchors, heads), is_open,
    )  # fmt: skip


def _body(item: Item, anchors: dict[Key, str], heads: tuple[str, str]) -> Html:
    fields = shown_fields((*item.fields, *item.settings))
    caption = f"{item.key}, field by field"
    table = field_table(fields, heads, caption=caption, note=lambda _: "") if fields else NOTHING
    files = [f"{name} ({what})" for name, what in item.bundle_files]
    effects = [f"{effect.effect}: {effect.column}: {effect.message}" for effect in item.effects]
    touches = spaced(_linked(key, anchors) for key in item.touches)
    more = " and more" if item.touches_more else ""
    return join(table, remarks([*effects, *files, join("Touches ", touches, more) if touches else None]))


def _linked(key: Key, anchors: dict[Key, str]) -> Html:
    return el("a", str(key), href=f"#{anchors[key]}") if key in anchors else code(str(key))


def _settings(difference: Difference, heads: tuple[str, str]) -> Section | None:
    fields = shown_fields(difference.settings)
    if not fields:
        return None
    table = field_table(fields, heads, caption="The project file, setting by setting", note=lambda _: "")
    return Section("settings", "Project file", table, len(fields))


def _lines(name: str, title: str, about: str, texts: Iterable[str]) -> Section | None:
    shown: Sequence[str] = list(texts)
    if not shown:
        return None
    body = el("ul", *(el("li", text) for text in shown), class_="lines", role="list")
    return Section(name, title, body, len(shown), about or None, "warn")
