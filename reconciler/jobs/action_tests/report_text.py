"""The report of action tests for people: on a terminal, and as JUnit for CI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from reconciler.core.values import ABSENT
from reconciler.cxone.executions import LogLine
from reconciler.jobs.action_tests.matching import Difference
from reconciler.jobs.action_tests.report import CaseReport, Results, SuiteReport
from reconciler.render.escape import shorten, visible
from reconciler.render.style import Paint, Style

_WORDS: dict[str, tuple[str, Style]] = {
    "passed": ("passed", "green"),
    "failed": ("FAILED", "red"),
    "error": ("ERROR ", "red"),
}
_LONGEST_VALUE = 200
_INDENT = " " * 10
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_text(report: Results, *, color: bool = False, all_logs: bool = False) -> str:
    """Every test with its time; differences and logs below those that did not pass, logs of the others with ``all_logs``.

    What kept several tests from a result in the same way is told with the first of them.
    """
    paint = Paint(color)
    told: dict[tuple[str, ...], str] = {}
    lines: list[str] = []
    for suite in report.suites:
        lines.append(paint(suite.action, "bold"))
        lines += [f"  {paint('warning', 'yellow')}: {visible(warning)}" for warning in suite.warnings]
        for case in suite.cases:
            place = f"{suite.action}: {case.name}"
            first = told.setdefault((case.code, case.reason, case.fix), place)
            again = "" if first == place else first.removeprefix(f"{suite.action}: ")
            lines += _case_lines(case, paint, all_logs=all_logs, again=again)
        lines.append("")
    return "\n".join([*lines, summary(report)]) + "\n"


def summary(report: Results) -> str:
    """One line on all of it."""
    counts, total = report.counts, report.counts.total()
    if not total:
        return "no data action declares a test"
    parts = [f"{counts['passed']} passed"]
    parts += [f"{counts['failed']} failed"] if counts["failed"] else []
    parts += [f"{counts['error']} without a result"] if counts["error"] else []
    actions = "1 action" if len(report.suites) == 1 else f"{len(report.suites)} actions"
    tests = "1 test" if total == 1 else f"{total} tests"
    return f"{tests} of {actions} on {report.where}: {', '.join(parts)}, in {report.seconds:.1f} s"


def _case_lines(case: CaseReport, paint: Paint, *, all_logs: bool, again: str) -> Iterator[str]:
    """One test. ``again``: the test that had the same reason before; empty for the first one."""
    word, style = _WORDS[case.outcome]
    place = "" if case.outcome == "passed" else f"  {paint(case.place, 'dim')}"
    yield f"  {paint(word, style)}  {visible(case.name)} ({case.milliseconds} ms){place}"
    reason = _reason_lines(case)
    if reason and again:
        reason = [visible(f"{case.code or 'ERROR'}: as in {again}")]
    for line in [*reason, *map(difference_line, case.differences)]:
        yield _INDENT + line
    if all_logs or case.outcome != "passed":
        for log in case.logs:
            yield _INDENT + paint(log_line(log), "dim")


def _reason_lines(case: CaseReport) -> list[str]:
    if not case.reason:
        return []
    reason = visible(f"{case.code}: {case.reason}" if case.code else case.reason)
    return [reason, f"fix: {visible(case.fix)}"] if case.fix else [reason]


def difference_line(difference: Difference) -> str:
    """One field: what was expected, and what came."""
    path = visible(difference.path) or "the output"
    if difference.expected is ABSENT:
        return f"{path}: {_value(difference.actual)} was not expected"
    return f"{path}: expected {_value(difference.expected)}, got {_value(difference.actual)}"


def log_line(line: LogLine) -> str:
    """One line that the action logged."""
    data = "" if line.data is None else f" {_value(line.data)}"
    return f"{visible(line.level)}: {visible(line.message)}{data}"


def _value(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    return shorten(visible(orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()), _LONGEST_VALUE)


def render_junit(report: Results) -> str:
    """A suite an action, a case a test; a difference is a failure, everything else an error."""
    suites = "".join(_suite(suite) for suite in report.suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _suite(suite: SuiteReport) -> str:
    counts = {word: sum(case.outcome == word for case in suite.cases) for word in _WORDS}
    seconds = sum(case.milliseconds for case in suite.cases) / 1000
    head = (
        f'name={_attribute(suite.action)} tests="{len(suite.cases)}" failures="{counts["failed"]}"'
        f' errors="{counts["error"]}" time="{seconds:.3f}"'
    )
    notes = f"    <system-err>{_xml(chr(10).join(suite.warnings))}</system-err>\n" if suite.warnings else ""
    return f"  <testsuite {head}>\n{''.join(_junit_case(case, suite.action) for case in suite.cases)}{notes}  </testsuite>\n"


def _junit_case(case: CaseReport, action: str) -> str:
    head = f'name={_attribute(case.name)} classname={_attribute(action)} time="{case.milliseconds / 1000:.3f}"'
    parts = []
    told = [*_reason_lines(case), *map(difference_line, case.differences)]
    if case.outcome != "passed":
        tag = "failure" if case.outcome == "failed" else "error"
        body = _xml("\n".join([case.place, *told]))
        kind = _attribute(case.code or case.outcome)
        parts.append(
            f"      <{tag} message={_attribute(told[0] if told else case.outcome)} type={kind}>{body}</{tag}>\n"
        )
    if case.logs:
        parts.append(f"      <system-out>{_xml(chr(10).join(map(log_line, case.logs)))}</system-out>\n")
    return f"    <testcase {head}>\n{''.join(parts)}    </testcase>\n"


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
