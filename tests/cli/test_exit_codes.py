"""The exit code is computed from the very object that is printed: every verdict, every plan, every error has its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from reconciler import errors
from reconciler.cli import apply, plan
from reconciler.cli.common import exit_code
from reconciler.core.exchange import Outcome
from reconciler.core.plan import Change, Header, Plan, Problem
from reconciler.core.report import Report, Result, Verdict, report_from_json, report_to_json
from reconciler.core.resource import Key

KEY, OTHER = Key("Dataset", "a"), Key("Dataset", "b")


def _result(outcome: Outcome, key: Key = KEY, code: str = "") -> Result:
    return Result(key, "update", outcome, code=code)


REPORTS: list[tuple[Report, Verdict, int]] = [
    (Report(), "nothing", 0),
    (Report((_result("applied"),)), "applied", 0),
    (Report((_result("applied"),), diverged=((KEY, "reads back otherwise"),)), "partial", 4),
    *((Report((_result("applied"), _result(other, OTHER))), "partial", 4) for other in ("stale", "failed", "unknown")),
    (Report((_result("applied"), _result("failed", OTHER, "A001"))), "partial", 4),
    (Report((_result("failed", code="H007"),)), "failed", 1),
    (Report((_result("unknown", code="H002"),)), "failed", 1),
    (Report((_result("stale", code="S001"), _result("failed", OTHER, "H007"))), "failed", 1),
    (Report((_result("stale", code="S001"), _result("skipped", OTHER))), "stale", 5),
    (Report((_result("failed", code="A002"), _result("skipped", OTHER))), "denied", 3),
    (Report((_result("applied"), _result("skipped", OTHER)), signal=2), "interrupted", 130),
    (Report((_result("skipped"),), signal=15), "interrupted", 143),
]


@pytest.mark.parametrize(("report", "verdict", "code"), REPORTS)
def test_of_a_report(report: Report, verdict: Verdict, code: int) -> None:
    assert report.verdict == verdict
    assert apply.exit_code(report) == code
    read = report_from_json(json.loads(json.dumps(report_to_json(report))))
    assert report_to_json(read)["verdict"] == verdict
    assert apply.exit_code(read) == code


def test_every_verdict_is_among_them() -> None:
    assert {verdict for _, verdict, _ in REPORTS} == set(get_args(Verdict))


def test_of_a_plan() -> None:
    nothing = Plan(Header())
    checked = Plan(Header(), (Change(KEY, "none", "a"),))
    changed = Plan(Header(), (Change(KEY, "update", "a"),))
    refused = Plan(Header(), (Change(KEY, "update", "a"),), problems=(Problem("G001", "no"),))
    table = {0: (nothing, checked), 2: (changed,), 6: (refused,)}
    for code, plans in table.items():
        for item in plans:
            assert plan.exit_code(item, detailed=True) == code
            assert plan.exit_code(item, detailed=False) == (code if code == 6 else 0)


ERRORS: dict[type[errors.ReconcilerError], int] = {
    errors.UsageError: 64,
    errors.InvalidInput: 78,
    errors.AuthenticationError: 3,
    errors.ApiError: 1,
    errors.StaleError: 5,
    errors.GuardRefused: 6,
    errors.PlanFileError: 1,
    errors.LedgerBehind: 4,
    errors.LedgerError: 1,
    errors.StorageError: 1,
    errors.EmulatorFailed: 1,
    errors.GitError: 1,
    errors.JobError: 1,
    errors.Interrupted: 143,
}
_MORE: dict[type[errors.ReconcilerError], dict[str, Any]] = {
    errors.ScopeMissing: {"scope": "data:read"},
    errors.GuardRefused: {"codes": ["G001"]},
    errors.Interrupted: {"signal_number": 15},
}


def _all(kind: type[errors.ReconcilerError]) -> Iterator[type[errors.ReconcilerError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith(f"{errors.__name__}."):
            yield child
            yield from _all(child)


@pytest.mark.parametrize("kind", sorted(_all(errors.ReconcilerError), key=lambda kind: kind.__name__))
def test_of_an_error(kind: type[errors.ReconcilerError]) -> None:
    error = kind([]) if kind is errors.InvalidManifests else kind("message", **_MORE.get(kind, {}))
    branch = next(base for base in kind.__mro__ if base in ERRORS)
    assert exit_code(error) == ERRORS[branch]
