"""What became of the cases beside written guards, and whom such a guard concerns."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.guard_report import CaseResult, GuardResults, RuleResult, to_json
from reconciler.core.guard_rule import GuardRule

GOOD = CaseResult("good", "pass", "pass", place="a.yaml:1:1")
WRONG = CaseResult("wrong", "refuse", "warn", "too many")
BARE = CaseResult("bare", "refuse", "pass")
BROKEN = CaseResult("broken", "pass", None, "no such field")
SILENT = CaseResult("silent", "warn", "warn", "one", says="two")
RULES = GuardResults(
    (
        RuleResult("P-a", "first", (GOOD, WRONG, BROKEN), "guards/a.yaml:1:1"),
        RuleResult("P-b", "second", ()),
    )
)


def test_what_becomes_of_a_case() -> None:
    cases = (GOOD, WRONG, BARE, BROKEN, SILENT)
    assert [case.outcome for case in cases] == ["passed", "failed", "failed", "error", "failed"]
    assert [case.why for case in cases] == [
        "",
        "expected refuse, got warn: too many",
        "expected refuse, got pass",
        "no such field",
        "the message does not contain 'two': one",
    ]
    assert replace(SILENT, message="one, two").outcome == "passed"


def test_a_rule_without_cases_fails_nothing_and_is_told() -> None:
    assert not RULES.passed
    assert RULES.untested == ("P-b",)
    assert GuardResults(RULES.rules[1:]).passed


def test_the_results_as_json() -> None:
    first, second = RULES.rules
    assert to_json(RULES) == {
        "format_version": "1.0",
        "passed": False,
        "counts": {"passed": 1, "failed": 1, "error": 1},
        "untested": ["P-b"],
        "rules": [
            {
                "code": "P-a",
                "title": "first",
                "place": first.place,
                "cases": [
                    {
                        "name": "good",
                        "outcome": "passed",
                        "expect": "pass",
                        "got": "pass",
                        "message": "",
                        "place": "a.yaml:1:1",
                    },
                    {
                        "name": "wrong",
                        "outcome": "failed",
                        "expect": "refuse",
                        "got": "warn",
                        "message": "too many",
                        "place": "",
                    },
                    {
                        "name": "broken",
                        "outcome": "error",
                        "expect": "pass",
                        "got": None,
                        "message": "no such field",
                        "place": "",
                    },
                ],
            },
            {"code": "P-b", "title": second.title, "place": "", "cases": []},
        ],
    }


def test_whom_a_rule_concerns() -> None:
    rule = GuardRule("P-a", "true", "no")
    assert rule.is_for("prod")
    assert rule.concerns("Widget")
    narrow = replace(rule, kinds=("Widget",), targets=("prod", "test"))
    assert [narrow.is_for(name) for name in ("prod", "dev")] == [True, False]
    assert [narrow.concerns(name) for name in ("Widget", "Gadget")] == [True, False]
    assert not replace(rule, scope="plan").concerns("Widget")
    assert not replace(narrow, scope="plan").concerns("Widget")
    assert (rule.refusal, replace(rule, severity="warning").refusal) == ("refuse", "warn")
