"""Drift as Markdown: what somebody changed in the tenant behind git's back, for an issue or a comment."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Change, Plan
from reconciler.core.written_back import Item, WrittenBack
from reconciler.render.drift_text import drift_summary
from reconciler.render.markdown import LIMIT, Budget, bullet, code, comment, details, fenced
from reconciler.render.markdown_stamp import hidden_stamp, stamp, sticky, where, who
from reconciler.render.rows import Room, label_of, three_sides

_ROOM = Room()


def render_drift_markdown(
    plan: Plan,
    unmanaged: Sequence[tuple[str, str, str]] = (),
    written: WrittenBack | None = None,
    *,
    marker: str = "",
    limit: int = LIMIT,
) -> str:
    """The drift of a plan alone as one comment of less than ``limit`` characters.

    ``unmanaged`` are live resources that no manifest declares, as (kind, name, id); ``written`` is what became of writing it
    back; ``marker`` as for plans.
    """
    header = plan.header
    foot = stamp(header, {})
    page = Budget(limit - len(foot) - 10, elsewhere="`reconciler drift` prints all of it.")
    page.add(f"{comment(marker or sticky('drift', header))}\n{hidden_stamp(header, {})}")
    target = f" of {code(header.target)}" if header.target else ""
    page.add(f"## Drift{target}: {drift_summary(plan).rstrip('.')}")
    kinds = sorted({change.key.kind for change in plan.drifted})
    if len(kinds) > 1:
        rows = [f"| {code(kind)} | {sum(1 for item in plan.drifted if item.key.kind == kind)} |" for kind in kinds]
        page.add("\n".join(["| kind | drifted |", "| --- | ---: |", *rows]))
    if written is not None:
        _add_written(page, written)
    conflicts = [change for change in plan.drifted if change.conflicted]
    others = [change for change in plan.drifted if not change.conflicted]
    head = "### Conflicts\n\nGit and the tenant both changed the same field; apply writes git's value."
    page.add_all("conflicts", head, map(drifted, conflicts), len(conflicts), share=0.6)
    taken = " where git does not take them over" if written and written.written else ""
    head = f"### Changed behind git's back\n\nApply sets these back{taken}."
    page.add_all("drifted resources", head, map(drifted, others), len(others), share=0.85)
    found = (bullet(code(f"{kind}/{name}"), f"(id {code(id_)})") for kind, name, id_ in unmanaged)
    head = f"### Unmanaged ({len(unmanaged)})\n\nLive, and declared by no manifest."
    page.add_all("unmanaged resources", head, found, len(unmanaged), share=0.9)
    return f"{page.text}\n{foot}\n"


def _add_written(page: Budget, result: WrittenBack) -> None:
    """What the manifests say now, and what is left for a person to decide."""
    head = f"### Written back ({len(result.written)})\n\nThe manifests were edited, so that they declare what is live."
    page.add_all("edits", head, map(_item, result.written), len(result.written), share=0.3)
    head = f"### Left as it is ({len(result.left)})\n\nTo be decided by hand."
    page.add_all("fields", head, map(_item, result.left), len(result.left), share=0.4)


def _item(item: Item) -> str:
    name = f"{item.key} {item.field.label}" if item.field else str(item.key)
    place = code(f"{item.mark.file}:{item.mark.line}") if item.mark else ""
    return bullet(code(name), place, f"— {code(item.reason)}" if item.reason else "")


def drift_head(plan: Plan) -> str:
    """The heading of the drift in a plan."""
    conflicts = sum(1 for change in plan.drifted if change.conflicted)
    if conflicts:
        return f"### ⚠️ Drift ({len(plan.drifted)}), {conflicts} of them in conflict with git"
    return f"### ⚠️ Drift ({len(plan.drifted)})"


def drifted(change: Change) -> str:
    """One drifted resource, folded: every field that the tenant moved, with its three values."""
    head = " ".join(part for part in (code(str(change.key)), where(change), who(change)) if part)
    if change.reason == "missing":
        return f"{head}: it is gone from the tenant; apply creates it again"
    lines = []
    for item in change.fields:
        if item.status in ("theirs", "both"):
            mark = " (conflict)" if item.status == "both" else ""
            lines.append(f"{'!' if mark else ' '} {label_of(item.path, item.keyed, _ROOM)}{mark}")
            signs = {"applied": " ", "tenant": "-", "git": "+"}
            lines += [f"{signs[name]}   {name:<7}  {value}" for name, value in three_sides(item, _ROOM)]
    return details(head, fenced(lines, "diff"), is_open=change.conflicted)
