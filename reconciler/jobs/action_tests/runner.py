"""Running tests against a tenant: several at a time, each compared with what it expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.seal import secrets_in
from reconciler.cxone.client import Client
from reconciler.cxone.concurrently import for_each
from reconciler.cxone.executions import Executed, execute
from reconciler.cxone.text import Redact, without
from reconciler.errors import ApiError, AuthenticationError, NotApplied
from reconciler.jobs.action_tests.cases import Case, Suite, revealed
from reconciler.jobs.action_tests.fixes import fix_for
from reconciler.jobs.action_tests.matching import Difference, differences
from reconciler.jobs.action_tests.report import CaseReport, SuiteReport

AT_ONCE = 5
"""Executions under way at the same time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an action is tested: its id there, and what the reader should know beforehand."""

    id: str
    warnings: tuple[str, ...] = ()


Places = Mapping[str, Place | NotApplied]
"""By the action's key: where it is, or why it is nowhere."""


async def run_suites(client: Client, kind: Kind, suites: Sequence[Suite], places: Places) -> tuple[SuiteReport, ...]:
    """Run all tests. Raises `AuthenticationError`; whatever else goes wrong is the result of the test that it happens to."""
    hide = without(secret_values(suites))
    found: dict[tuple[int, int], CaseReport] = {}

    async def work(item: tuple[int, int, Case]) -> None:
        suite, index, case = item
        place = places[str(case.action)]
        found[suite, index] = shown(await _run(client, kind, case, place, hide), hide)

    queue = [(number, index, case) for number, suite in enumerate(suites) for index, case in enumerate(suite.cases)]
    await for_each(queue, work, at_once=AT_ONCE)
    return tuple(
        SuiteReport(
            str(suite.action.key),
            tuple(found[number, index] for index in range(len(suite.cases))),
            _warnings(places[str(suite.action.key)]),
        )
        for number, suite in enumerate(suites)
    )


def _warnings(place: Place | NotApplied) -> tuple[str, ...]:
    return place.warnings if isinstance(place, Place) else ()


async def _run(client: Client, kind: Kind, case: Case, place: Place | NotApplied, hide: Redact) -> CaseReport:
    if isinstance(place, NotApplied):
        return CaseReport(case.name, "error", case.place, reason=place.message, code=place.code, fix=place.fix)
    if case.impossible:
        return CaseReport(case.name, "error", case.place, reason=case.impossible)
    began = time.monotonic()
    try:
        executed = await execute(client, kind, place.id, revealed(case.inputs), hide)
    except AuthenticationError:
        raise
    except ApiError as error:
        took = _milliseconds(began)
        code, id_ = error.api_code or error.code, error.request_id
        reason, fix = error.message, error.fix
        return CaseReport(case.name, "error", case.place, took, reason=reason, code=code, request_id=id_, fix=fix)
    return judged(case, executed, _milliseconds(began))


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def judged(case: Case, executed: Executed, measured: int) -> CaseReport:
    """What an execution means for its test; ``measured`` are the milliseconds that passed here."""
    took = measured if executed.milliseconds is None else executed.milliseconds
    report = CaseReport(
        case.name, "passed", case.place, took, logs=executed.logs, request_id=executed.request_id, code=executed.code
    )
    if executed.refusal:
        fix = fix_for(executed.code, executed.refusal)
        return replace(report, outcome="error", reason=executed.refusal, fix=fix)
    found = tuple(differences(revealed(case.expect), executed.output, case.match))
    return replace(report, outcome="failed" if found else "passed", differences=found)


def secret_values(suites: Iterable[Suite]) -> set[str]:
    """The value of every secret that these actions and tests know."""
    trees = [[suite.action.fields, [[case.inputs, case.expect] for case in suite.cases]] for suite in suites]
    return {secret.reveal() for secret in secrets_in(trees) if secret.resolved}


def shown(report: CaseReport, hide: Redact) -> CaseReport:
    """A report that may be shown: no secret in what an action answers or logs."""
    return replace(
        report,
        reason=hide(report.reason),
        differences=tuple(
            Difference(difference.path, _hidden(difference.expected, hide), _hidden(difference.actual, hide))
            for difference in report.differences
        ),
        logs=tuple(replace(line, message=hide(line.message), data=_hidden(line.data, hide)) for line in report.logs),
    )


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(str(name)): _hidden(item, hide) for name, item in value.items()}
    return [_hidden(item, hide) for item in value] if isinstance(value, list) else value
