"""A plan as text for a terminal, or plain for a pipe: the same words, with colour or without."""

from __future__ import annotations

from reconciler.core.plan import Acknowledged, Change, Header, Plan, summary
from reconciler.render.drift_text import add_drift
from reconciler.render.escape import visible
from reconciler.render.page import Page
from reconciler.render.style import Paint

NOTED_SHOWN = 20
"""Resources without a request that are shown before the rest is counted."""

PARTIAL_LINE = "Narrowed run: the plan covers a part of the project, and nothing is deleted or forgotten."


def render_plan_text(plan: Plan, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """The whole plan: summary, conflicts and drift, changes in apply order, and what else to know.

    ``width`` is the terminal's, in columns; 0 is no limit. ``full`` shortens nothing. The words do not depend on ``color``.
    """
    page = Page(width, Paint(color), full)
    page.add(first_line(plan), "bold")
    if line := origin(plan.header):
        page.add(line, "dim")
    add_drift(page, plan)
    _add_changes(page, plan)
    _add_noted(page, plan)
    _add_orphans(page, plan)
    _add_problems(page, plan)
    _add_acknowledged(page, plan)
    _add_end(page, plan)
    return page.text


def first_line(plan: Plan) -> str:
    """The account that comes first; a plan without changes says so plainly."""
    if plan.has_changes or plan.problems:
        return f"{summary(plan)} ({plan.unchanged} unchanged)"
    return f"No changes. {summary(plan)} ({plan.unchanged} unchanged)"


def origin(header: Header) -> str:
    """Where a plan belongs and how long it is good for, as one line; empty where the header is."""
    parts = []
    if header.target:
        at = f" at {visible(header.url)}" if header.url else ""
        parts.append(f"target {visible(header.target)}{at}")
    if header.commit:
        parts.append(f"commit {visible(header.commit[:12])}")
    if header.expires:
        parts.append(f"good until {visible(header.expires)}")
    return ", ".join(parts)


def cost_line(plan: Plan) -> str:
    """What applying takes; empty where it takes nothing."""
    cost = plan.cost
    if not cost.requests:
        return ""
    requests = "1 request" if cost.requests == 1 else f"{cost.requests} requests"
    seconds = f", {cost.seconds:g} s at the target's limit" if cost.seconds else ""
    return f"Cost: {requests}{seconds}"


def _add_changes(page: Page, plan: Plan) -> None:
    changes = [change for change in plan.changes if change.action != "none"]
    if changes:
        page.heading(f"Changes ({len(changes)}), in apply order")
        for change in changes:
            page.change(change)


def noted(plan: Plan) -> list[Change]:
    """The changes without a request that a reader should know of."""
    return [change for change in plan.changes if change.noted]


def _add_noted(page: Page, plan: Plan) -> None:
    found = noted(plan)
    if not found:
        return
    page.heading(f"Nothing to send ({len(found)}): recorded in the ledger, or looked at again when applying")
    shown = found if page.full else found[:NOTED_SHOWN]
    for change in shown:
        page.change(change)
    if len(shown) < len(found):
        page.add(f"… {len(found) - len(shown)} more (--full shows all)", indent=1)


def _add_orphans(page: Page, plan: Plan) -> None:
    if plan.warnings:
        page.heading(f"Warnings ({len(plan.warnings)})")
        for warning in plan.warnings:
            page.add(f"! {visible(warning)}", "yellow", indent=1, hang=2)
    if plan.orphans:
        page.heading(f"Orphans ({len(plan.orphans)}): no manifest declares them any more, and they stay as they are")
        for orphan in plan.orphans:
            named = f", named {visible(orphan.live_name)}" if orphan.live_name != orphan.key.name else ""
            what = f"{visible(str(orphan.key))} (id {visible(orphan.resource_id)}{named})"
            page.add(f"· {what}: {visible(orphan.reason)}", indent=1, hang=2)


def _add_problems(page: Page, plan: Plan) -> None:
    if not plan.problems:
        return
    page.heading(f"Refused ({len(plan.problems)}): as it stands, this plan is not applied")
    for problem in plan.problems:
        page.add(f"! {visible(problem.code)} {visible(problem.message)}", "alarm", indent=1, hang=7)
        if problem.fix:
            page.add(f"fix: {visible(problem.fix)}", indent=2, hang=5)
        if problem.change:
            page.add(f"in a file of acknowledgements: change {problem.change}", "dim", indent=2, hang=5)


def _add_acknowledged(page: Page, plan: Plan) -> None:
    if not plan.acknowledged:
        return
    page.heading(f"Acknowledged ({len(plan.acknowledged)}): accepted although a guard does not")
    for item in plan.acknowledged:
        page.add(f"· {visible(item.accepts)} {visible(item.message)}".rstrip(), indent=1, hang=2)
        page.add(visible(acceptance(item)), indent=2, hang=2)


def acceptance(item: Acknowledged) -> str:
    """Why, by whom, until when and where something was accepted, as one line."""
    if not item.reason:
        return f"for this run ({item.source})"
    return f"{item.reason} ({item.by}, until {item.expires}, {item.source})"


def partial_line(plan: Plan) -> str:
    """What a narrowed run is about, and what it does not do."""
    narrowed = "; ".join(map(visible, plan.narrowed))
    return f"{PARTIAL_LINE} It is narrowed to {narrowed}." if narrowed else PARTIAL_LINE


def _add_end(page: Page, plan: Plan) -> None:
    cost = cost_line(plan)
    if cost or plan.partial:
        page.lines.append("")
    if plan.partial:
        page.add(partial_line(plan))
    if cost:
        page.add(cost)
