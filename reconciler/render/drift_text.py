"""The drift part of a plan as text: what somebody changed in the tenant behind git's back, conflicts first."""

from __future__ import annotations

from reconciler.core.compare import FieldChange
from reconciler.core.plan import Change, Plan
from reconciler.render.escape import cells, visible
from reconciler.render.page import INDENT, Page, reason, writer
from reconciler.render.rows import label_of, three_sides
from reconciler.render.style import Paint


def render_drift_text(plan: Plan, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """The drift of a plan alone, for ``drift``: one line that says how much there is, and then every drifted field."""
    page = Page(width, Paint(color), full)
    page.add(drift_summary(plan), "bold")
    add_drift(page, plan)
    return page.text


def drift_summary(plan: Plan) -> str:
    """One line that says how much has drifted."""
    drifted = plan.drifted
    if not drifted:
        return "No drift. Every declared field is as it was last applied."
    missing = sum(1 for change in drifted if change.reason == "missing")
    conflicts = sum(1 for change in drifted if change.conflicted)
    parts = []
    if conflicts:
        parts.append(f"{conflicts} in conflict with git")
    if missing:
        parts.append(f"{missing} missing")
    return f"{len(drifted)} drifted" + (f" ({', '.join(parts)})" if parts else "")


def add_drift(page: Page, plan: Plan) -> None:
    """Add the conflicts and then the other drift to a page; nothing where there is none."""
    conflicts = [change for change in plan.drifted if change.conflicted]
    others = [change for change in plan.drifted if not change.conflicted]
    if conflicts:
        page.heading(
            f"Conflicts ({len(conflicts)}): git and the tenant both changed the same field; apply writes git's value"
        )
        for change in conflicts:
            _add_change(page, change)
    if others:
        page.heading(f"Drift ({len(others)}): somebody changed the tenant behind git's back; apply sets it back")
        for change in others:
            _add_change(page, change)


def _add_change(page: Page, change: Change) -> None:
    sign = "!" if change.conflicted else "~"
    where = f"{visible(change.mark.file)}:{change.mark.line}" if change.mark else ""
    rest = ", ".join(part for part in (where, writer(change)) if part)
    title = f"{sign} {visible(str(change.key))}"
    page.add(f"{title}  {rest}" if rest else title, "alarm" if change.conflicted else "yellow", indent=1, hang=4)
    if change.reason == "missing":
        page.add(reason(change) + "; apply creates it again", indent=3, hang=2)
        return
    for item in sorted(change.fields, key=lambda item: item.status != "both"):
        if item.status in ("theirs", "both"):
            _add_field(page, change, item)


def _add_field(page: Page, change: Change, item: FieldChange) -> None:
    """One field with its three values: on one line where they fit and there is no conflict, else below each other."""
    sides = three_sides(item, page.room)
    label = label_of(item.path, item.keyed, page.room)
    flat = f"{label}: " + ", ".join(f"{name} {value}" for name, value in sides)
    limit = page.width or 120
    if item.status == "theirs" and cells(flat) + 6 <= limit:
        page.lines.append(INDENT * 3 + flat)
        return
    mark = change.marks.get(item.label)
    where = f"  {visible(mark.file)}:{mark.line}" if mark else ""
    page.lines.append(INDENT * 3 + label + page.paint(where, "dim"))
    page.lines.extend(f"{INDENT * 4}{name:<7}  {value}" for name, value in sides)
