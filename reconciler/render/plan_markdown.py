"""A plan as Markdown for a pull request's comment: short at first sight, everything folded below, never too long to post.

Foreign text stands in fences that it cannot close, or as inline code without a character that Markdown or HTML acts on. The
page holds less than `LIMIT` characters: what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from reconciler.core.plan import Acknowledged, Action, Change, Plan, Problem, summary
from reconciler.render.change_graph import change_graph
from reconciler.render.drift_markdown import drift_head, drifted
from reconciler.render.markdown import LIMIT, Budget, bullet, code, comment, details, diff_lines, fenced
from reconciler.render.markdown_stamp import hidden_stamp, plan_digests, stamp, sticky, where, who
from reconciler.render.page import reason, verb
from reconciler.render.plan_text import PARTIAL_LINE, acceptance, cost_line, noted
from reconciler.render.rows import SIGNS, Room, rows_of

KINDS_SHOWN = 40
NOTED_SHOWN = 40
_ACTIONS: tuple[Action, ...] = ("create", "update", "delete", "adopt", "forget")
_ROOM = Room()


def render_plan_markdown(plan: Plan, *, marker: str = "", commit: str = "", limit: int = LIMIT) -> str:
    """The plan as one comment of less than ``limit`` characters.

    ``marker`` names the comment in its first, hidden line, so that the next run finds and replaces it: by default it is the
    same for every plan of one project for one target. ``commit`` is the reviewed one where the plan's header does not say.
    """
    header = replace(plan.header, commit=commit or plan.header.commit)
    digests = plan_digests(plan)
    foot = f"{stamp(header, digests)}\n\nApply exactly these changes: `reconciler apply --expect {digests['changes']}`"
    page = Budget(limit - len(foot) - 10)
    page.add(f"{comment(marker or sticky('plan', header))}\n{hidden_stamp(header, digests)}")
    page.add(_title(plan))
    page.add(_table(plan))
    page.add_all("problems", _problem_head(plan), map(_problem, plan.problems), len(plan.problems), share=0.3)
    page.add_all(
        "acknowledgements",
        f"### Acknowledged ({len(plan.acknowledged)})",
        map(_acknowledged, plan.acknowledged),
        len(plan.acknowledged),
        share=0.2,
    )
    for line in _plain_lines(plan):
        page.add(line)
    page.add_all("drifted resources", drift_head(plan), map(drifted, plan.drifted), len(plan.drifted), share=0.5)
    changes = [change for change in plan.changes if change.action != "none"]
    page.add_all("changes", "### Changes", map(_folded, changes), len(changes), share=0.85)
    for block in (*_graph(plan), *_noted(plan)):
        page.add(block)
    page.add_all(
        "warnings", "### Warnings", (bullet(code(text)) for text in plan.warnings), len(plan.warnings), share=0.5
    )
    page.add_all("orphans", "### Orphans", _orphans(plan), len(plan.orphans), share=0.9)
    return f"{page.text}\n{foot}\n"


def _title(plan: Plan) -> str:
    target = f" for {code(plan.header.target)}" if plan.header.target else ""
    if plan.has_changes or plan.problems:
        return f"## Plan{target}: {summary(plan)}"
    return f"## Plan{target}: no changes\n\n{summary(plan)}."


def _table(plan: Plan) -> str:
    """What happens to how many resources of each kind."""
    kinds = sorted({change.key.kind for change in plan.changes if change.action != "none"})
    if not kinds:
        return f"{plan.unchanged} unchanged"
    lines = ["| kind | create | update | delete | adopt | forget | drifted |", "| --- " + "| ---: " * 6 + "|"]
    for kind in kinds[:KINDS_SHOWN]:
        mine = [change for change in plan.changes if change.key.kind == kind]
        counts = [sum(1 for change in mine if change.action == action) for action in _ACTIONS]
        counts.append(sum(1 for change in mine if change.drifted))
        lines.append(f"| {code(kind)} | " + " | ".join(str(count or "") for count in counts) + " |")
    more = f"{len(kinds) - KINDS_SHOWN} more kinds, " if len(kinds) > KINDS_SHOWN else ""
    return "\n".join(lines) + f"\n\n{more}{plan.unchanged} unchanged"


def _problem_head(plan: Plan) -> str:
    return f"### ⛔ Refused ({len(plan.problems)})\n\nAs it stands, this plan is not applied."


def _problem(problem: Problem) -> str:
    fix = f"\n  <br>fix: {code(problem.fix)}" if problem.fix else ""
    change = f"\n  <br>in a file of acknowledgements: change {code(problem.change)}" if problem.change else ""
    return bullet(f"**{code(problem.code)}**", code(problem.message)) + fix + change


def _acknowledged(item: Acknowledged) -> str:
    said = code(item.message) if item.message else ""
    return f"{bullet(code(item.accepts), said)}\n  <br>{code(acceptance(item))}"


def _plain_lines(plan: Plan) -> Iterator[str]:
    if plan.partial:
        narrowed = f" It is narrowed to {', '.join(map(code, plan.narrowed))}." if plan.narrowed else ""
        yield f"_{PARTIAL_LINE}_{narrowed}"
    if cost := cost_line(plan):
        yield cost


def _folded(change: Change) -> str:
    why = reason(change)
    named = change.live_name if change.live_name != change.key.name else ""
    parts = [
        f"{verb(change)} {code(str(change.key))}",
        f"named {code(named)}" if named else "",
        where(change),
        f"({code(why)})" if why else "",
        who(change) if change.action == "delete" else "",
    ]
    head = " ".join(part for part in parts if part)
    lines = diff_lines(rows_of(change, _ROOM))
    return details(f"{SIGNS[change.action]} {head}", fenced(lines, "diff")) if lines else bullet(head)


def _noted(plan: Plan) -> Iterator[str]:
    found = noted(plan)
    if found:
        blocks = [_folded(change) for change in islice(found, NOTED_SHOWN)]
        if len(found) > len(blocks):
            blocks.append(f"{len(found) - len(blocks)} more")
        yield details(f"Nothing to send ({len(found)})", "\n\n".join(blocks))


def _graph(plan: Plan) -> Iterator[str]:
    if not plan.has_changes:
        return
    lines, left_out = change_graph(plan)
    rest = f"\n\n{left_out} more changes are not drawn." if left_out else ""
    yield details("Graph of the changes", fenced(lines, "mermaid") + rest)


def _orphans(plan: Plan) -> Iterable[str]:
    return (bullet(code(str(item.key)), f"(id {code(item.resource_id)}):", code(item.reason)) for item in plan.orphans)
