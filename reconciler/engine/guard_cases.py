"""Runs the cases beside written guards: no tenant, no clock, nothing but the rule and what the case lets it see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

from reconciler.core.acknowledge import Finding
from reconciler.core.guard_neutral import neutral_change, neutral_plan
from reconciler.core.guard_report import CaseResult, GuardResults, RuleResult
from reconciler.core.guard_rule import GuardCase, GuardRule
from reconciler.core.plan import Header
from reconciler.engine.compiled_guard import UNDECIDED, Compiled, ask
from reconciler.engine.written_guards import Contexts
from reconciler.errors import UsageError
from reconciler.loading.cel import ExpressionError
from reconciler.loading.project import Project

_ANY_TIME: Final = datetime(2001, 1, 1, 12, tzinfo=UTC)
"""For rules that do not look at the time; validation demands ``now`` of the others' cases."""


def run_cases(rules: Sequence[GuardRule], project: Project, codes: Sequence[str] = (), name: str = "") -> GuardResults:
    """Run the cases of all rules, or of those whose code is meant (globs), and only cases with ``name`` in theirs.

    Raises `UsageError` for a code that means no rule.
    """
    for pattern in codes:
        if not any(fnmatchcase(rule.code, pattern) for rule in rules):
            known = ", ".join(rule.code for rule in rules) or "none"
            raise UsageError(f"{pattern} means no guard of this project", fix=f"the guards that it wrote: {known}")
    chosen = [rule for rule in rules if not codes or any(fnmatchcase(rule.code, pattern) for pattern in codes)]
    return GuardResults(tuple(_rule(rule, project, name) for rule in chosen))


def _rule(rule: GuardRule, project: Project, name: str) -> RuleResult:
    cases = [case for case in rule.cases if name in case.name or fnmatchcase(case.name, name)]
    place = str(rule.marks.get("code", ""))
    compiled = Compiled.of(rule)
    return RuleResult(rule.code, rule.title, tuple(run_case(compiled, case, project) for case in cases), place)


def run_case(compiled: Compiled, case: GuardCase, project: Project) -> CaseResult:
    """Ask a rule about one case."""
    place = str(case.mark or "")
    try:
        found = _ask(compiled, case, project)
    except (ExpressionError, ValueError, TypeError, AttributeError, KeyError) as error:
        return CaseResult(
            case.name, case.expect, None, f"the case cannot be shown to the rule: {error}", case.says, place
        )
    if found is None:
        return CaseResult(case.name, case.expect, "pass", "", case.says, place)
    undecided = found.problem.code == UNDECIDED
    got = None if undecided else compiled.rule.refusal
    return CaseResult(case.name, case.expect, got, found.problem.message, case.says, place)


def _ask(compiled: Compiled, case: GuardCase, project: Project) -> Finding | None:
    rule = compiled.rule
    target = str(case.sees.get("target") or next(iter(rule.targets), "local"))
    if not rule.is_for(target):
        return None
    known = project.targets.get(target)
    header = Header(
        target, known.url if known else "", str(case.sees["stack"]) or project.stack, commit=str(case.sees["commit"])
    )
    context = Contexts(header, case.now or _ANY_TIME).of(rule.timezone)
    if rule.scope == "plan":
        context.put("plan", neutral_plan(case.sees.get("plan", {})))
        return next(ask([compiled], None, lambda _: context), None)
    change = neutral_change(case.sees.get("change", {}))
    if rule.kinds and change["kind"] not in rule.kinds:
        return None
    context.put("change", change)
    return next(ask([compiled], None, lambda _: context), None)
