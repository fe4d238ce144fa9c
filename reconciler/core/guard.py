"""Guards: pure checks of a whole plan, each with a stable code, that stop what nobody meant to do.

Planning itself reports what cannot be applied at all (codes from G008 on); the checks here are limits that one run may pass by
naming exactly what it accepts: ``--allow CODE``, ``CODE:Kind/name`` or ``CODE=N``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.core.diagnostic import Rule
from reconciler.core.plan import Action, Plan, Problem
from reconciler.core.resource import Key

GUARDS = (
    Rule(
        "G001",
        "too many deletes",
        "The plan deletes more resources than guards.maxDeletes allows. Raise the limit for one run with --allow G001=N, "
        "N being the number of deletes that you accept.",
    ),
    Rule(
        "G002",
        "too large a part of a kind deleted",
        "The plan deletes more than guards.maxDeletePercent of all resources of one kind (counted from 10 resources on). "
        "Accept it for one run with --allow G002.",
    ),
    Rule(
        "G003",
        "too large a part of a kind updated",
        "The plan updates more than guards.maxUpdatePercent of all resources of one kind (counted from 10 resources on). "
        "Accept it for one run with --allow G003.",
    ),
    Rule(
        "G004",
        "a protected resource would be deleted",
        "metadata.lifecycle.protect forbids deleting the resource, also after its manifest is gone. Accept the deletion of "
        "one resource with --allow G004:Kind/name.",
    ),
    Rule(
        "G005",
        "no manifests at all",
        "The manifest set is empty and the plan would delete what the ledger holds: most often a wrong folder or a failed "
        "checkout. Accept it for one run with --allow G005.",
    ),
    Rule(
        "G006",
        "a narrowed run would delete",
        "A run narrowed by paths or selectors does not see the whole project and never deletes or forgets.",
    ),
    Rule(
        "G007",
        "an outcome is still unknown",
        "An earlier apply was interrupted while a write was in flight. Nothing is deleted before `apply --resume` has settled "
        "what became of it.",
    ),
    Rule(
        "G008",
        "breaking change of a populated table",
        "A column of a dataset or extension that holds records would be dropped, narrowed or retyped. The API refuses it, and "
        "so does the plan, before anything is sent.",
    ),
    Rule(
        "G009",
        "immutable field",
        "The field can be set when the resource is created and never afterwards.",
    ),
    Rule(
        "G010",
        "impossible lifecycle move",
        "The API knows no way from the live status to the declared one.",
    ),
    Rule(
        "G011",
        "the live resource is not ours",
        "A resource of that name exists in the tenant and is not in the ledger. It is never taken over silently: --adopt "
        "KEY takes it over, `reconciler adopt KEY --id ID` names one by id.",
    ),
    Rule(
        "G012",
        "no order works",
        "Names are passed around in a circle, so that no order of renames is possible in one run.",
    ),
    Rule(
        "G013",
        "moved twice",
        "metadata.movedFrom names a key that the ledger still holds beside the new one.",
    ),
    Rule(
        "G015",
        "a dependency is missing and not part of the run",
        "A narrowed run leaves out a resource that another one needs and that does not exist yet.",
    ),
    Rule(
        "G016",
        "the name stays taken",
        "Another resource of the project holds the live name, and this plan neither renames nor deletes it, so the API would "
        "refuse the write. Where both are the same resource under a new key, metadata.movedFrom says so.",
    ),
    Rule(
        "G017",
        "a table that holds records would be deleted",
        "Deleting a dataset or extension deletes its records with it, and no apply brings them back. Restore its manifest to "
        "keep it; to let go of it without deleting it, restore its manifest with lifecycle.deletion: retain, apply, and remove "
        "it then. Accept the loss of one table's records with --allow G017:Kind/name.",
    ),
    Rule(
        "G014",
        "a saved plan is demanded",
        "The target sets apply.savedPlanOnly: only `apply PLANFILE` and `apply --expect DIGEST` are accepted there.",
    ),
)
"""Every guard and planning code with its explanation, for ``reconciler explain``."""

_FORM = re.compile(r"--allow (G\d{3}(?:=N|:Kind/name)?)")


def acknowledgement_form(code: str) -> str:
    """How one run accepts what a guard refuses, as its explanation says; empty where nothing does."""
    found = next((_FORM.search(rule.explanation) for rule in GUARDS if rule.code == code), None)
    return found[1] if found else ""


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

    def number(self, code: str) -> int | None:
        """The number in an acknowledgement ``CODE=N``, the largest of several; None where there is none."""
        parts = (item.partition("=") for item in self.allowed)
        return max((int(text) for name, _, text in parts if name == code and text.isdecimal()), default=None)


def check(plan: Plan, limits: Limits) -> list[Problem]:
    """All guards on one plan, in the order of their codes; acknowledged ones left out."""
    guards: tuple[Callable[[Plan, Limits], Iterable[Problem]], ...] = (
        _many_deletes,
        _share_of_deletes,
        _share_of_updates,
        _protected,
        _empty_set,
        _narrowed,
        _unsettled,
    )
    return [problem for guard in guards for problem in guard(plan, limits) if not _accepted(problem, limits)]


def _accepted(problem: Problem, limits: Limits) -> bool:
    if not problem.acknowledge or problem.code == "G001":
        return False
    return problem.acknowledge in limits.allowed


def _many_deletes(plan: Plan, limits: Limits) -> Iterable[Problem]:
    deletes = plan.count("delete")
    accepted = limits.number("G001")
    limit = limits.max_deletes if accepted is None else accepted
    if deletes > limit:
        yield Problem(
            "G001",
            f"{deletes} deletes are more than {limit}",
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
