"""What became of the tests: the one object that text, JSON, JUnit and the exit code come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.values import ABSENT
from reconciler.cxone.executions import LogLine
from reconciler.jobs.action_tests.matching import Difference

Outcome = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class CaseReport:
    """One test.

    ``failed`` has differences, ``error`` a ``reason`` why there is no output to compare, with its ``code`` and, where it is more
    than the action's code that may have to be corrected, a ``fix``.

    Values and logs are fit to be shown: secrets are taken out. ``milliseconds`` is the server's own figure, or else what passed
    here.
    """

    name: str
    outcome: Outcome
    place: str
    milliseconds: int = 0
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    code: str = ""
    logs: tuple[LogLine, ...] = ()
    request_id: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """One action's tests. ``warnings`` say what makes the results less sure."""

    action: str
    cases: tuple[CaseReport, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """All tests of one run. ``where`` is the target's name, or ``local``; ``seconds`` is how long all took together."""

    where: str
    suites: tuple[SuiteReport, ...]
    seconds: float = 0.0

    @property
    def counts(self) -> Counter[Outcome]:
        """How many tests had which outcome."""
        return Counter(case.outcome for suite in self.suites for case in suite.cases)

    @property
    def passed(self) -> bool:
        """Whether every test passed; the exit code follows from it."""
        return all(case.outcome == "passed" for suite in self.suites for case in suite.cases)


def to_json(report: Results) -> dict[str, Any]:
    """The report as JSON, for ``--format json`` and ``--report json=FILE``."""
    counts = report.counts
    return {
        "format_version": "1.0",
        "where": report.where,
        "passed": report.passed,
        "seconds": round(report.seconds, 3),
        "counts": {"passed": counts["passed"], "failed": counts["failed"], "error": counts["error"]},
        "actions": [
            {"key": suite.action, "warnings": list(suite.warnings), "tests": [_case(case) for case in suite.cases]}
            for suite in report.suites
        ],
    }


def _case(case: CaseReport) -> dict[str, Any]:
    return {
        "name": case.name,
        "outcome": case.outcome,
        "place": case.place,
        "milliseconds": case.milliseconds,
        "differences": [_difference(difference) for difference in case.differences],
        "reason": case.reason,
        "code": case.code,
        "fix": case.fix,
        "logs": [{"level": line.level, "message": line.message, "data": line.data} for line in case.logs],
        "requestId": case.request_id,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    """A side that is absent is left out, since null is a value of its own."""
    sides = {"expected": difference.expected, "actual": difference.actual}
    return {"path": difference.path} | {name: value for name, value in sides.items() if value is not ABSENT}
