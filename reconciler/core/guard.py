"""Guards: pure checks of a whole plan, each with a stable code, that stop what nobody meant to do.

Planning itself reports what cannot be applied at all (codes from G008 on); the checks here are limits that one run may pass by
naming exactly what it accepts: ``--allow CODE``, ``CODE:Kind/name`` or ``CODE=N``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.core.guard_codes import GUARDS, acknowledgement_form
from reconciler.core.plan import Action, Plan, Problem
from reconciler.core.resource import Key

__all__ = ["GUARDS", "PERCENT_FROM", "Limits", "acknowledgement_form", "check", "findings", "over_budget"]

PERCENT_FROM = 10
"""Percentages are counted for kinds with at least this many resources; below, one resource would be too large a part."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A project's limits (``guards`` in reconciler.yaml), and what one run acknowledges."""

    max_deletes: int = 5
    max_delete_percent: float = 30
    max_update_percent: float = 50
    allowed: frozenset[str] = field(default_factory=frozenset)
    outcome_unknown: bool = False
    protected: frozenset[Key] = frozenset()
    max_requests: int | None = None
    max_seconds: float | None = None

    def number(self, code: str) -> int | None:
        """The number in an acknowledgement ``CODE=N``, the largest of several; None where there is none."""
        parts = (item.partition("=") for item in self.allowed)
        return max((int(text) for name, _, text in parts if name == code and text.isdecimal()), default=None)


def check(plan: Plan, limits: Limits) -> list[Problem]:
    """All guards on one plan, in the order of their codes; acknowledged ones left out."""
    return [problem for problem in findings(plan, limits) if not _accepted(problem, limits)]


def findings(plan: Plan, limits: Limits) -> list[Problem]:
    """What all guards have to say of one plan, in the order of their codes, acknowledged or not."""
    guards: tuple[Callable[[Plan, Limits], Iterable[Problem]], ...] = (
        _many_deletes,
        _share_of_deletes,
        _share_of_updates,
        _protected,
        _empty_set,
        _narrowed,
        _unsettled,
        over_budget,
    )
    return [problem for guard in guards for problem in guard(plan, limits)]


def _accepted(problem: Problem, limits: Limits) -> bool:
    if not problem.acknowledge:
        return False
    code, equals, needed = problem.acknowledge.partition("=")
    if equals:
        number = limits.number(code)
        return number is not None and number >= int(needed)
    return problem.acknowledge in limits.allowed


def _many_deletes(plan: Plan, limits: Limits) -> Iterable[Problem]:
    deletes = plan.count("delete")
    accepted = limits.number("G001")
    # Whoever accepts fewer than the project allows means it.
    if deletes > (limits.max_deletes if accepted is None else min(accepted, limits.max_deletes)):
        yield Problem(
            "G001",
            f"{deletes} deletes are more than {limits.max_deletes if accepted is None else accepted}",
            f"look through them, then --allow G001={deletes} for this run",
            acknowledge=f"G001={deletes}",
        )


def _shares(plan: Plan, actions: tuple[Action, ...], code: str, limit: float, verb: str) -> Iterable[Problem]:
    counts: dict[str, int] = {}
    for change in plan.changes:
        if change.action in actions:
            counts[change.key.kind] = counts.get(change.key.kind, 0) + 1
    for kind, count in sorted(counts.items()):
        total = plan.sizes.get(kind, 0)
        if total < PERCENT_FROM:
            continue
        share = 100 * count / total
        if share > limit:
            yield Problem(
                code,
                f"{share:.2f}% of {kind} would be {verb} ({count}/{total}), which is over {limit:.2f}%",
                f"look through them, then --allow {code} for this run, or raise the limit in reconciler.yaml",
                acknowledge=code,
            )


def _share_of_deletes(plan: Plan, limits: Limits) -> Iterable[Problem]:
    return _shares(plan, ("delete",), "G002", limits.max_delete_percent, "deleted")


def _share_of_updates(plan: Plan, limits: Limits) -> Iterable[Problem]:
    return _shares(plan, ("update",), "G003", limits.max_update_percent, "updated")


def _protected(plan: Plan, limits: Limits) -> Iterable[Problem]:
    for change in plan.changes:
        if change.action == "delete" and change.key in limits.protected:
            yield Problem(
                "G004",
                f"{change.key} is protected and would be deleted",
                f"restore its manifest, or --allow G004:{change.key}",
                change.key,
                f"G004:{change.key}",
            )


def _empty_set(plan: Plan, limits: Limits) -> Iterable[Problem]:  # noqa: ARG001
    deletes = plan.count("delete")
    if deletes and not plan.manifests:
        yield Problem(
            "G005",
            f"there is not one manifest, and {deletes} resources would be deleted",
            "check the folder and the target; --allow G005 if this is meant",
            acknowledge="G005",
        )


def _narrowed(plan: Plan, limits: Limits) -> Iterable[Problem]:  # noqa: ARG001
    if plan.partial and (plan.count("delete") or plan.count("forget")):
        yield Problem("G006", "a narrowed run would delete or forget", "run without paths and selectors")


def _unsettled(plan: Plan, limits: Limits) -> Iterable[Problem]:
    if limits.outcome_unknown and plan.count("delete"):
        yield Problem(
            "G007", "an earlier apply was interrupted, and this plan deletes", "run `reconciler apply --resume`"
        )


def over_budget(plan: Plan, limits: Limits) -> Iterable[Problem]:
    """What applying a plan takes beyond the limits: requests, and seconds at the target's own limit."""
    cost = plan.cost
    if limits.max_requests is not None and cost.requests > limits.max_requests:
        yield Problem(
            "G018",
            f"applying takes {cost.requests} requests, which is over {limits.max_requests}",
            f"apply a part of it (--only), raise maxRequests, or --allow G018={cost.requests} for this run",
            acknowledge=f"G018={cost.requests}",
        )
    if limits.max_seconds is not None and cost.seconds > limits.max_seconds:
        needed = math.ceil(cost.seconds)
        yield Problem(
            "G019",
            f"applying takes {cost.seconds:g} s at the target's limit, which is over {limits.max_seconds:g} s",
            f"apply a part of it (--only), raise maxSeconds, or --allow G019={needed} for this run",
            acknowledge=f"G019={needed}",
        )
