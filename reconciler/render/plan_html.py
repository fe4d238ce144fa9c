"""A plan as an HTML page: the same words and order as its text, with every value side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.core.plan import Action, Change, Plan, Problem
from reconciler.core.resource import Key
from reconciler.render.accepted_html import acknowledged_section
from reconciler.render.change_html import change_entry
from reconciler.render.drift_html import drift_sections
from reconciler.render.html import NOTHING, Html, el, join
from reconciler.render.html_facts import counted, header_facts, plan_stamps, tally
from reconciler.render.html_graph import Node, graph
from reconciler.render.html_page import Document, Section, Tile, Tone, render_page
from reconciler.render.html_parts import Entry, badge, code, entries, spaced
from reconciler.render.page import verb
from reconciler.render.plan_text import cost_line, noted, partial_line
from reconciler.render.rows import SIGNS

ACTIONS: Final[tuple[Action, ...]] = ("create", "update", "delete", "adopt", "forget")


def render_plan_html(plan: Plan) -> str:
    """The whole plan as one page."""
    verdict, tone = _verdict(plan)
    changes = [change for change in plan.changes if change.action != "none"]
    others = noted(plan)
    anchors = {change.key: f"c{index}" for index, change in enumerate(changes)}
    anchors |= {change.key: f"n{index}" for index, change in enumerate(others)}
    sections = [
        _problems(plan, anchors),
        acknowledged_section(plan.acknowledged),
        *drift_sections(plan),
        _graph(changes, anchors),
        _changes("changes", "Changes", "In apply order.", changes, anchors),
        _changes(
            "noted",
            "Nothing to send",
            "Recorded in the ledger, or looked at again when applying.",
            others,
            anchors,
        ),
        _by_kind(plan),
        _warnings(plan),
        _orphans(plan),
    ]
    page = Document(
        "Plan",
        f"for {plan.header.target}" if plan.header.target else "",
        verdict,
        tone,
        lead=partial_line(plan) if plan.partial else None,
        tiles=_tiles(plan),
        facts=[*header_facts(plan.header), ("Cost", cost_line(plan).removeprefix("Cost: "))],
        sections=[section for section in sections if section is not None],
        actions=tally(verb(change) for change in changes),
        kinds=tally(change.key.kind for change in changes),
        stamps=plan_stamps(plan),
    )
    return render_page(page)


def _verdict(plan: Plan) -> tuple[str, Tone]:
    if plan.problems:
        return f"Refused by {counted(len(plan.problems), 'guard')}", "bad"
    changes = sum(1 for change in plan.changes if change.action != "none")
    if not changes:
        return "No changes", "good"
    conflicts = sum(1 for change in plan.drifted if change.conflicted)
    words = counted(changes, "change")
    return (f"{words}, {counted(conflicts, 'conflict')} with git", "warn") if conflicts else (words, "calm")


def _tiles(plan: Plan) -> list[Tile]:
    always: tuple[Action, ...] = ("create", "update", "delete")
    tiles = [Tile(f"to {action}", plan.count(action), action) for action in always]
    tiles += [Tile(f"to {action}", count, action) for action in ACTIONS[3:] if (count := plan.count(action))]
    return [*tiles, Tile("drifted", len(plan.drifted), "drift"), Tile("unchanged", plan.unchanged)]


def _problems(plan: Plan, anchors: dict[Key, str]) -> Section | None:
    if not plan.problems:
        return None
    body = el("ul", *(_problem(item, anchors) for item in plan.problems), class_="problems", role="list")
    return Section("refused", "Refused", body, len(plan.problems), "As it stands, this plan is not applied.", "bad")


def _problem(problem: Problem, anchors: dict[Key, str]) -> Html:
    anchor = anchors.get(problem.key) if problem.key is not None else None
    return el(
        "li",
        el("p", badge(problem.code, "bad"), " ", problem.message),
        el("p", "Fix: ", problem.fix, class_="fix") if problem.fix else None,
        el("p", "To accept it: ", code(f"--allow {problem.acknowledge}"), class_="fix")
        if problem.acknowledge
        else None,
        el("p", "In a file of acknowledgements: change ", code(problem.change), class_="fix")
        if problem.change
        else None,
        el("p", el("a", str(problem.key), href=f"#{anchor}"), class_="fix") if anchor else None,
        data_code=problem.code,
    )


def _by_kind(plan: Plan) -> Section | None:
    kinds = sorted({change.key.kind for change in plan.changes if change.action != "none"})
    if len(kinds) < 2:
        return None
    shown = [action for action in ACTIONS if plan.count(action)]
    rows = []
    for kind in kinds:
        mine = [change for change in plan.changes if change.key.kind == kind]
        counts = [sum(1 for change in mine if change.action == action) for action in shown]
        counts.append(sum(1 for change in mine if change.drifted))
        cells = (el("td", count or el("span", "0", class_="zero")) for count in counts)
        rows.append(el("tr", el("th", kind, scope="row"), *cells))
    heads = (el("th", head, scope="col") for head in ("Kind", *shown, "drifted"))
    caption = el("caption", "What happens to how many resources of each kind", class_="spoken")
    table = el("table", caption, el("thead", el("tr", *heads)), el("tbody", *rows), class_="counts")
    return Section("kinds", "By kind", table)


def _graph(changes: Sequence[Change], anchors: dict[Key, str]) -> Section | None:
    drawn = {change.key for change in changes}
    if not any(key in drawn for change in changes for key in change.after):
        return None
    nodes = [
        Node(change.key, anchors[change.key], SIGNS[change.action], change.action, change.after) for change in changes
    ]
    picture, left_out = graph(nodes)
    about = "An arrow leads to what waits."
    if left_out:
        about += f" {counted(left_out, 'more change')} not drawn."
    folded = el("details", el("summary", "Show the graph"), picture, class_="drawing", open=len(nodes) - left_out <= 40)
    return Section("graph", "Graph", folded, -1, about)


def _changes(name: str, title: str, about: str, changes: Sequence[Change], anchors: dict[Key, str]) -> Section | None:
    if not changes:
        return None
    few = len(changes) <= 3
    letter = name[0]
    items = (change_entry(change, f"{letter}{index}", anchors, is_open=few) for index, change in enumerate(changes))
    return Section(name, title, entries(items, main=name == "changes"), len(changes), about)


def _warnings(plan: Plan) -> Section | None:
    if not plan.warnings:
        return None
    body = el("ul", *(el("li", text) for text in plan.warnings), class_="lines", role="list")
    return Section("warnings", "Warnings", body, len(plan.warnings), tone="warn")


def _orphans(plan: Plan) -> Section | None:
    if not plan.orphans:
        return None
    items = (
        Entry(
            f"o{index}", "forget", "·", "orphan", item.key,
            spaced([
                join("named ", code(item.live_name)) if item.live_name != item.key.name else NOTHING,
                join("id ", code(item.resource_id)),
                el("span", item.reason, class_="why"),
            ]),
        )
        for index, item in enumerate(plan.orphans)
    )  # fmt: skip
    about = "No manifest declares them any more, and they stay as they are."
    return Section("orphans", "Orphans", entries(items), len(plan.orphans), about)
