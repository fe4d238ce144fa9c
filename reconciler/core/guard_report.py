"""What became of the cases beside written guards: the one object that text, JSON, JUnit and the exit code come from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.guard_rule import Verdict

CaseOutcome = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: what it expected and what the rule said. ``got`` is None where the rule could not be decided: ``message`` says why."""

    name: str
    expect: Verdict
    got: Verdict | None
    message: str = ""
    says: str = ""
    place: str = ""

    @property
    def outcome(self) -> CaseOutcome:
        """Whether it went as expected, the words included."""
        if self.got is None:
            return "error"
        return "passed" if self.got == self.expect and self.says in self.message else "failed"

    @property
    def why(self) -> str:
        """What went wrong, in one line; empty where nothing did."""
        if self.outcome == "passed":
            return ""
        if self.got is None:
            return self.message
        if self.got != self.expect:
            said = f": {self.message}" if self.message else ""
            return f"expected {self.expect}, got {self.got}{said}"
        return f"the message does not contain {self.says!r}: {self.message}"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule with its cases, none where nobody wrote any."""

    code: str
    title: str
    cases: tuple[CaseResult, ...]
    place: str = ""


@dataclass(frozen=True, slots=True)
class GuardResults:
    """All rules of one run, by code."""

    rules: tuple[RuleResult, ...]

    @property
    def counts(self) -> Counter[CaseOutcome]:
        """How many cases had which outcome."""
        return Counter(case.outcome for rule in self.rules for case in rule.cases)

    @property
    def passed(self) -> bool:
        """Whether every case passed; the exit code follows from it. A rule without cases fails nothing, and is told."""
        return all(case.outcome == "passed" for rule in self.rules for case in rule.cases)

    @property
    def untested(self) -> tuple[str, ...]:
        """The rules without cases."""
        return tuple(rule.code for rule in self.rules if not rule.cases)


def to_json(results: GuardResults) -> dict[str, Any]:
    """The results as JSON, for ``test --guards --format json``."""
    counts = results.counts
    return {
        "format_version": "1.0",
        "passed": results.passed,
        "counts": {name: counts[name] for name in ("passed", "failed", "error")},
        "untested": list(results.untested),
        "rules": [
            {
                "code": rule.code,
                "title": rule.title,
                "place": rule.place,
                "cases": [
                    {
                        "name": case.name,
                        "outcome": case.outcome,
                        "expect": case.expect,
                        "got": case.got,
                        "message": case.message,
                        "place": case.place,
                    }
                    for case in rule.cases
                ],
            }
            for rule in results.rules
        ],
    }
