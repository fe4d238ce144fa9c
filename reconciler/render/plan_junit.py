"""Plans and reports as JUnit XML: a case for every change, so that CI shows which of them need a person."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.plan import Acknowledged, Change, Plan, Problem
from reconciler.core.report import Report, Result, account
from reconciler.render.drift_text import drift_summary
from reconciler.render.escape import visible
from reconciler.render.junit import Case, render_junit
from reconciler.render.page import about, reason, verb, writer
from reconciler.render.plan_text import acceptance, first_line
from reconciler.render.report_text import reason_of
from reconciler.render.rows import Room, label_of, rows_of, three_sides

CHANGES = "changes"
DRIFT = "drift"
GUARDS = "guards"


def render_plan_junit(plan: Plan) -> str:
    """One suite: a case for each guard that refuses, each drifted resource, and each change.

    Refusals and conflicts fail. Drift that apply sets back does not: the change that does so is there to be reviewed.
    """
    cases = [_refused(problem) for problem in plan.problems]
    cases += [_accepted(item) for item in plan.acknowledged]
    cases += [_drifted(change, fails=False) for change in plan.drifted if not change.conflicted]
    cases += [_change(change) for change in plan.changes]
    return render_junit([(_name("plan", plan), cases or [Case(first_line(plan), CHANGES)])])


def render_drift_junit(plan: Plan) -> str:
    """One suite with a failed case for each drifted resource, as they are what `drift` looks for."""
    cases = [_drifted(change, fails=True) for change in plan.drifted]
    return render_junit([(_name("drift", plan), cases or [Case(drift_summary(plan), DRIFT)])])


def render_report_junit(report: Report) -> str:
    """One suite: a case for each change, failed where it was not applied and skipped where it was not begun."""
    diverged = dict(report.diverged)
    cases = [_result(result, diverged.get(result.key, "")) for result in report.results]
    return render_junit([("apply", cases or [Case(account(report), CHANGES)])])


def _name(what: str, plan: Plan) -> str:
    return f"{what} of {visible(plan.header.target)}" if plan.header.target else what


def _refused(problem: Problem) -> Case:
    name = problem.code + (f" {visible(str(problem.key))}" if problem.key is not None else "")
    lines = [visible(problem.message)]
    lines += [f"help: {visible(problem.fix)}"] if problem.fix else []
    lines += [f"to accept it: --allow {visible(problem.acknowledge)}"] if problem.acknowledge else []
    return Case(name, GUARDS, "failed", visible(problem.message), problem.code, "\n".join(lines))


def _accepted(item: Acknowledged) -> Case:
    """A guard that refuses and was overruled: it passes, and says by whom."""
    lines = [visible(item.message)] if item.message else []
    return Case(f"acknowledged {visible(item.accepts)}", GUARDS, text="\n".join([*lines, visible(acceptance(item))]))


def _drifted(change: Change, *, fails: bool) -> Case:
    message = reason(change) if change.reason == "missing" else "changed in the tenant behind git's back"
    text = "\n".join([message, *_sides(change, "theirs", "both")])
    return Case(visible(str(change.key)), DRIFT, "failed" if fails else "passed", message, DRIFT, text)


def _change(change: Change) -> Case:
    name = f"{verb(change)} {visible(str(change.key))}"
    lines = [part for part in (about(change),) if part]
    lines += [f"{'  ' * row.depth}{row.sign} {row.text}".rstrip() for row in rows_of(change, Room())]
    if not change.conflicted:
        return Case(name, CHANGES, text="\n".join(lines))
    message = "git and the tenant both changed the same field"
    return Case(name, CHANGES, "failed", message, "conflict", "\n".join([*_sides(change, "both"), *lines]))


def _sides(change: Change, *statuses: str) -> Iterator[str]:
    """Who wrote last, and the values that every field of some statuses has had."""
    if who := writer(change):
        yield who
    room = Room()
    for item in change.fields:
        if item.status in statuses:
            values = ", ".join(f"{name}: {value}" for name, value in three_sides(item, room))
            yield f"{label_of(item.path, item.keyed, room)}: {values}"


def _result(result: Result, diverged: str) -> Case:
    name = f"{result.action} {visible(str(result.key))}"
    why = reason_of(result)
    if result.outcome == "skipped":
        return Case(name, CHANGES, "skipped", why)
    if result.outcome == "applied" and not diverged:
        return Case(name, CHANGES)
    message = visible(diverged) if result.outcome == "applied" else why or result.outcome
    kind = "not converged" if result.outcome == "applied" else result.outcome
    text = "\n".join(part for part in (message, f"help: {visible(result.fix)}" if result.fix else "") if part)
    return Case(name, CHANGES, "failed", message, kind, text)
