"""The results of guards' cases for people: on a terminal, and as JUnit for CI."""

from __future__ import annotations

from reconciler.core.guard_report import CaseResult, GuardResults, RuleResult
from reconciler.render.escape import visible
from reconciler.render.junit import Case, render_junit
from reconciler.render.style import Paint, Style

_WORDS: dict[str, tuple[str, Style]] = {
    "passed": ("passed", "green"),
    "failed": ("FAILED", "red"),
    "error": ("ERROR ", "red"),
}


def render_guard_text(results: GuardResults, *, color: bool = False) -> str:
    """Every rule with its cases, what went wrong below each that did not pass, and an account in the last line."""
    paint = Paint(color)
    lines: list[str] = []
    for rule in results.rules:
        lines.append(paint(visible(rule.code), "bold") + (f"  {visible(rule.title)}" if rule.title else ""))
        if not rule.cases:
            lines.append(f"  {paint('no cases', 'yellow')}: nothing shows what it does  {paint(rule.place, 'dim')}")
        for case in rule.cases:
            lines += _case_lines(case, paint)
        lines.append("")
    return "\n".join([*lines, summary(results)]) + "\n"


def summary(results: GuardResults) -> str:
    """One line on all of it."""
    if not results.rules:
        return "the project writes no guards of its own"
    counts, total = results.counts, results.counts.total()
    rules = "1 guard" if len(results.rules) == 1 else f"{len(results.rules)} guards"
    parts = [f"{counts['passed']} passed"]
    parts += [f"{counts['failed']} failed"] if counts["failed"] else []
    parts += [f"{counts['error']} without a verdict"] if counts["error"] else []
    parts += [f"{len(results.untested)} without cases"] if results.untested else []
    return f"{total} {'case' if total == 1 else 'cases'} of {rules}: {', '.join(parts)}"


def render_guard_junit(results: GuardResults) -> str:
    """A suite for each rule; one without cases has a skipped case that says so."""
    return render_junit([(rule.code, _suite(rule)) for rule in results.rules])


def _suite(rule: RuleResult) -> list[Case]:
    if not rule.cases:
        return [Case("no cases", rule.code, "skipped", "nothing shows what it does")]
    return [_case(rule, case) for case in rule.cases]


def _case(rule: RuleResult, case: CaseResult) -> Case:
    if case.outcome == "passed":
        return Case(visible(case.name), rule.code)
    return Case(
        visible(case.name), rule.code, "failed", visible(case.why), case.outcome, f"{visible(case.why)}\n{case.place}"
    )


def _case_lines(case: CaseResult, paint: Paint) -> list[str]:
    word, style = _WORDS[case.outcome]
    place = "" if case.outcome == "passed" else f"  {paint(case.place, 'dim')}"
    line = f"  {paint(word, style)}  {visible(case.name)}{place}"
    return [line, *([f"          {visible(case.why)}"] if case.why else [])]
