"""Judging a plan by all guards: the built-in ones, those that the project wrote, its freezes, and what was acknowledged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from reconciler.core.acknowledge import Finding, form_error, judge, refused_now
from reconciler.core.guard import Limits, findings, over_budget
from reconciler.core.plan import Plan
from reconciler.core.resource import Key
from reconciler.engine.workspace import Workspace
from reconciler.errors import UsageError


def limits_of(
    workspace: Workspace, protected: Collection[Key], allowed: Collection[str], *, outcome_unknown: bool
) -> Limits:
    """The limits of a project for its target; ``protected`` are the keys that the ledger says are not to be deleted."""
    guards, apply = workspace.project.guards, workspace.target.apply
    return Limits(
        guards.max_deletes,
        guards.max_delete_percent,
        guards.max_update_percent,
        frozenset(allowed),
        outcome_unknown,
        frozenset(protected),
        guards.max_requests if apply.max_requests is None else apply.max_requests,
        guards.max_seconds if apply.max_seconds is None else apply.max_seconds,
    )


def allowed_deletes(workspace: Workspace, allowed: Collection[str], moment: datetime) -> frozenset[str]:
    """The acknowledgements without which planning leaves a protected resource alone (``G004:Kind/name``)."""
    target = workspace.target.name
    accepted = [
        entry.accepts
        for entry in workspace.guards.acknowledgements
        if entry.expires > moment and (not entry.targets or target in entry.targets)
    ]
    return frozenset(text for text in (*allowed, *accepted) if text.startswith("G004:"))


def refuse_idle(workspace: Workspace, allowed: Collection[str]) -> None:
    """Raise `UsageError` for what ``--allow`` names and no guard or freeze of this project is called."""
    written = [rule.code for rule in workspace.guards.rules]
    freezes = [f"G020:{freeze.name}" for freeze in workspace.project.guards.freezes]
    for text in sorted(allowed):
        if (wrong := form_error(text, written)) is not None:
            raise UsageError(f"--allow {text}: {wrong[0]}", fix=wrong[1])
        if text.startswith("G020:") and text not in freezes:
            fix = f"the freezes of this project: {', '.join(freezes)}" if freezes else "the project declares no freeze"
            raise UsageError(f"--allow {text}: there is no freeze of this name", fix=fix)


def judged(plan: Plan, workspace: Workspace, limits: Limits, moment: datetime) -> Plan:
    """The plan with what all guards say of it at a moment, and what was accepted of that."""
    found = [Finding(problem) for problem in (*plan.problems, *findings(plan, limits))]
    rules = workspace.guards.rules
    if rules:
        from reconciler.engine.written_guards import evaluate

        found += evaluate(rules, plan, workspace.kinds, moment)
    return judge(
        plan,
        found,
        allowed=limits.allowed,
        entries=workspace.guards.acknowledgements,
        freezes=workspace.project.guards.freezes,
        moment=moment,
    )


def judged_for_apply(plan: Plan, workspace: Workspace, moment: datetime, *, fresh: bool) -> Plan:
    """A finished plan with what refuses it now: freezes in force, acknowledgements that expired, and what depends on the time.

    A plan that is not ``fresh`` is asked about its budget and about the time again, since both may have changed since it was made.
    """
    found: list[Finding] = []
    if not fresh:
        workspace.guards.require()
        found += map(Finding, over_budget(plan, limits_of(workspace, (), (), outcome_unknown=False)))
        if workspace.guards.rules:
            from reconciler.engine.written_guards import evaluate

            found += evaluate(workspace.guards.rules, plan, workspace.kinds, moment, timed=True)
    problems = refused_now(plan, found, workspace.project.guards.freezes, moment)
    known = {(problem.code, problem.key) for problem in plan.problems}
    added = [problem for problem in problems if (problem.code, problem.key) not in known]
    told = tuple(text for text in plan.warnings if not text.startswith("G020 "))
    return replace(plan, problems=(*plan.problems, *added), warnings=told)
