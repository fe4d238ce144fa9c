"""Drift as HTML: what somebody changed in the tenant behind git's back, each field with its three values."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Change, Plan
from reconciler.core.written_back import Item, WrittenBack
from reconciler.render.change_html import field_note
from reconciler.render.drift_text import drift_summary
from reconciler.render.html import NOTHING, Html, el
from reconciler.render.html_facts import header_facts, plan_stamps, tally
from reconciler.render.html_page import Document, Section, Tile, Tone, render_page
from reconciler.render.html_parts import Entry, code, entries, place, sides_table, spaced
from reconciler.render.page import writer

Unmanaged = Sequence[tuple[str, str, str]]
"""Live resources that no manifest declares, as (kind, name, id)."""


def render_drift_html(plan: Plan, unmanaged: Unmanaged = (), written: WrittenBack | None = None) -> str:
    """The drift of a plan alone, what nobody declares, and what became of writing it back, as one page."""
    conflicts = sum(1 for change in plan.drifted if change.conflicted)
    tone: Tone = "bad" if conflicts else "warn" if plan.drifted else "good"
    tiles = [
        Tile("drifted", len(plan.drifted), "drift"),
        Tile("in conflict with git", conflicts, "conflict"),
        Tile("missing", sum(1 for change in plan.drifted if change.reason == "missing"), "delete"),
        *([Tile("unmanaged", len(unmanaged), "forget")] if unmanaged else []),
    ]
    page = Document(
        "Drift",
        f"of {plan.header.target}" if plan.header.target else "",
        drift_summary(plan),
        tone,
        tiles=tiles,
        facts=header_facts(plan.header),
        sections=[*_written(written), *drift_sections(plan, main=True), *_unmanaged(unmanaged)],
        actions=tally("conflict" if change.conflicted else "drift" for change in plan.drifted),
        kinds=tally(change.key.kind for change in plan.drifted),
        stamps=plan_stamps(plan)[:3],
    )
    return render_page(page)


def drift_sections(plan: Plan, *, main: bool = False) -> list[Section]:
    """Conflicts and the other drift, each a section where there is any; ``main`` where the page is about nothing else."""
    conflicts = [change for change in plan.drifted if change.conflicted]
    others = [change for change in plan.drifted if not change.conflicted]
    found = []
    if conflicts:
        about = "Git and the tenant both changed the same field. Apply writes git's value."
        body = entries((_drifted(change, f"x{index}") for index, change in enumerate(conflicts)), main=main)
        found.append(Section("conflicts", "Conflicts", body, len(conflicts), about, "bad"))
    if others:
        about = "Somebody changed the tenant behind git's back. Apply sets it back."
        body = entries((_drifted(change, f"d{index}") for index, change in enumerate(others)), main=main)
        found.append(Section("drift", "Drift", body, len(others), about, "warn"))
    return found


def _written(result: WrittenBack | None) -> list[Section]:
    """What the manifests say now, and what is left for a person to decide; each only where there is any."""
    if result is None:
        return []
    about = "The manifests were edited, so that they declare what is live."
    left = "To be decided by hand."
    return [
        Section(anchor, title, _items(items, title), len(items), text, tone)
        for anchor, title, items, text, tone in (
            ("written", "Written back", result.written, about, "good"),
            ("left", "Left as it is", result.left, left, "warn"),
        )
        if items
    ]


def _items(items: Sequence[Item], title: str) -> Html:
    reasons = any(item.reason for item in items)
    heads = (el("th", head, scope="col") for head in ("Field", "Place", *(["Why"] if reasons else [])))
    rows = [
        el(
            "tr",
            el("th", f"{item.key} {item.field.label}" if item.field else str(item.key), scope="row"),
            el("td", place(item.mark)),
            el("td", item.reason) if reasons else NOTHING,
        )
        for item in items
    ]
    caption = el("caption", title, class_="spoken")
    return el("table", caption, el("thead", el("tr", *heads)), el("tbody", *rows), class_="counts")


def _unmanaged(unmanaged: Unmanaged) -> list[Section]:
    if not unmanaged:
        return []
    rows = [
        el("tr", el("th", kind, scope="row"), el("td", name), el("td", code(found))) for kind, name, found in unmanaged
    ]
    heads = (el("th", head, scope="col") for head in ("Kind", "Name", "Id"))
    caption = el("caption", "Live, and declared by no manifest", class_="spoken")
    table = el("table", caption, el("thead", el("tr", *heads)), el("tbody", *rows), class_="counts")
    return [Section("unmanaged", "Unmanaged", table, len(unmanaged), "Live, and declared by no manifest.")]


def _drifted(change: Change, anchor: str) -> Entry:
    tone = "conflict" if change.conflicted else "drift"
    aside = spaced([place(change.mark), el("span", writer(change), class_="why") if writer(change) else NOTHING])
    if change.reason == "missing":
        body = el("p", "It is gone from the tenant; apply creates it again.")
        return Entry(anchor, tone, "~", "missing", change.key, aside, body, is_open=True)
    fields = sorted(
        (item for item in change.fields if item.status in ("theirs", "both")), key=lambda i: i.status != "both"
    )
    table = sides_table(
        fields,
        caption=f"Drifted fields of {change.key}",
        note=field_note,
        marks=change.marks,
        file=change.mark.file if change.mark else "",
    )
    sign = "!" if change.conflicted else "~"
    return Entry(anchor, tone, sign, tone, change.key, aside, table, is_open=True)
