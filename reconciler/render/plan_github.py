"""Plans, drift and reports as annotations of GitHub Actions: what needs a person, worst first, and the account as a notice.

GitHub shows ten of each level for a step, so that what is not urgent is not annotated at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.plan import Change, Plan, Problem
from reconciler.core.report import Report, Result, account
from reconciler.render.annotations import Level, annotation
from reconciler.render.drift_text import drift_summary
from reconciler.render.page import reason, writer
from reconciler.render.plan_text import first_line
from reconciler.render.report_text import reason_of
from reconciler.render.rows import Room, label_of, three_sides


def render_plan_github(plan: Plan) -> str:
    """Refusals and conflicts as errors, drift and warnings as warnings, breaking changes of schema, and the summary."""
    lines = [_refused(problem, plan) for problem in plan.problems]
    lines += [_drifted(change) for change in plan.drifted]
    lines += [line for change in plan.changes for line in _breaking(change)]
    lines += [annotation("warning", "plan", [text]) for text in plan.warnings]
    return "".join([*lines, annotation("notice", _title("Plan", plan.header.target), [first_line(plan)])])


def render_drift_github(plan: Plan) -> str:
    """Every drifted resource, conflicts as errors, and the summary."""
    lines = [_drifted(change) for change in plan.drifted]
    return "".join([*lines, annotation("notice", _title("Drift", plan.header.target), [drift_summary(plan)])])


def render_report_github(report: Report) -> str:
    """Every change that was not applied, what did not converge, and the account."""
    lines = [_result(result) for result in report.results if result.outcome != "applied"]
    marks = {result.key: result.mark for result in report.results}
    lines += [
        annotation("error", f"not converged {key}", [message], marks.get(key)) for key, message in report.diverged
    ]
    said = account(report) if report.results else "Nothing to apply."
    return "".join([*lines, annotation("notice", _title("Apply", report.header.target), [said])])


def _title(what: str, target: str) -> str:
    return f"{what} for {target}" if target else what


def _refused(problem: Problem, plan: Plan) -> str:
    marks = {change.key: change.mark for change in plan.changes}
    mark = marks.get(problem.key) if problem.key is not None else None
    lines = [problem.message]
    lines += [f"help: {problem.fix}"] if problem.fix else []
    lines += [f"to accept it: --allow {problem.acknowledge}"] if problem.acknowledge else []
    title = f"{problem.code} {problem.key}" if problem.key is not None else problem.code
    return annotation("error", title, lines, mark)


def _drifted(change: Change) -> str:
    word = "conflict" if change.conflicted else "drift"
    lines = [part for part in (writer(change), *_sides(change)) if part]
    mark = next(
        (change.marks[item.label] for item in change.fields if item.status == "both" and item.label in change.marks),
        change.mark,
    )
    return annotation("error" if change.conflicted else "warning", f"{word} {change.key}", lines or [word], mark)


def _sides(change: Change) -> Iterator[str]:
    if change.reason == "missing":
        yield reason(change)
        return
    room = Room()
    for item in change.fields:
        if item.status in ("theirs", "both"):
            values = ", ".join(f"{name}: {value}" for name, value in three_sides(item, room))
            yield f"{label_of(item.path, item.keyed, room)}: {values}"


def _breaking(change: Change) -> Iterator[str]:
    for effect in change.effects:
        if effect.effect == "breaking":
            yield annotation("warning", f"breaking {change.key}", [f"{effect.column}: {effect.message}"], change.mark)


def _result(result: Result) -> str:
    lines = [reason_of(result) or result.outcome, *([f"help: {result.fix}"] if result.fix else [])]
    level: Level = "warning" if result.outcome == "skipped" else "error"
    return annotation(level, f"{result.outcome} {result.action} {result.key}", lines, result.mark)
