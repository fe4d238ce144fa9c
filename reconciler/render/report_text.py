"""A report as text: a line for every change that was not applied, with why and what to do, and then the account."""

from __future__ import annotations

from reconciler.core.diagnostic import Mark
from reconciler.core.exchange import Outcome
from reconciler.core.plan import Plan
from reconciler.core.report import Report, Result, account
from reconciler.core.resource import Key
from reconciler.render.escape import visible
from reconciler.render.page import Page
from reconciler.render.plan_text import acceptance
from reconciler.render.style import Paint, Style, prose

OUTCOME_STYLES: dict[Outcome, Style] = {
    "applied": "green",
    "stale": "yellow",
    "failed": "alarm",
    "skipped": "dim",
    "unknown": "alarm",
}
SIGNALS = {2: "SIGINT", 15: "SIGTERM"}
"""Names of the signals that end an apply."""


def render_report_text(
    report: Report, plan: Plan | None = None, *, width: int = 0, color: bool = False, full: bool = False
) -> str:
    """The whole report. With the plan each line also says where the change is declared; ``full`` lists what was applied, too."""
    page = Page(width, Paint(color), full)
    marks = {change.key: change.mark for change in plan.changes if change.mark} if plan is not None else {}
    for result in report.results:
        if full or result.outcome != "applied":
            _add_result(page, result, marks)
    for key, message in report.diverged:
        page.add(f"not converged  {visible(str(key))}: {visible(message)}", "yellow", hang=2)
    for item in report.acknowledged:
        page.add(f"acknowledged  {visible(item.accepts)}: {visible(acceptance(item))}", "dim", hang=2)
    if report.signal:
        name = SIGNALS.get(report.signal, f"signal {report.signal}")
        page.add(f"Interrupted by {name}: what was in flight was finished, nothing new was started.", "yellow")
    if report.requests:
        counts = ", ".join(f"{visible(name)} {count}" for name, count in sorted(report.requests.items()))
        page.add(f"Requests: {counts}", "dim")
    page.add(account(report) if report.results else "Nothing to apply.", "bold")
    return page.text


def render_result_line(result: Result, *, color: bool = False) -> str:
    """One outcome as one line without its end, for showing progress while a plan is applied."""
    return Paint(color)(_line(result), OUTCOME_STYLES[result.outcome])


def _line(result: Result) -> str:
    verb = "record" if result.action == "none" else result.action
    lead = f"{result.outcome:<7}  {verb} {visible(str(result.key))}"
    why = reason_of(result)
    return f"{lead}: {why}" if why else lead


def reason_of(result: Result) -> str:
    """Why a change was not applied: the key it waited for, or the error with its code."""
    code = f" [{visible(result.code)}]" if result.code else ""
    if result.message:
        return visible(result.message) + code
    if result.because is not None:
        return f"needs {visible(str(result.because))}, which was not applied{code}"
    return code.strip()


def _add_result(page: Page, result: Result, marks: dict[Key, Mark]) -> None:
    mark = marks.get(result.key)
    where = f" ({visible(mark.file)}:{mark.line})" if mark else ""
    page.lines.extend(
        page.paint(line, OUTCOME_STYLES[result.outcome]) for line in prose(_line(result) + where, page.width, then="  ")
    )
    if result.fix:
        page.add(f"fix: {visible(result.fix)}", indent=1, hang=5)
