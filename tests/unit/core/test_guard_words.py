"""What each guard says: how far over which limit, and the way out."""

from __future__ import annotations

import pytest

from reconciler.core.guard import Limits, check
from reconciler.core.plan import Change, Cost, Header, Plan, Problem
from reconciler.core.resource import Key

KEYS = [Key("Widget", f"w{index:02}") for index in range(12)]
NO_COST = Cost()


def made(*actions: str, manifests: int = 1, partial: bool = False, cost: Cost = NO_COST) -> Plan:
    changes = tuple(Change(key, action, key.name) for key, action in zip(KEYS, actions, strict=False))  # type: ignore[arg-type]
    return Plan(Header(), changes, sizes={"Widget": 12}, manifests=manifests, partial=partial, cost=cost)


@pytest.mark.parametrize(
    ("plan", "limits", "problem"),
    [
        (
            made(*["delete"] * 3),
            Limits(max_deletes=2),
            Problem(
                "G001",
                "3 deletes are more than 2",
                "look through them, then --allow G001=3 for this run",
                acknowledge="G001=3",
            ),
        ),
        (
            made(*["delete"] * 3),
            Limits(max_deletes=2, allowed=frozenset({"G001=1"})),
            Problem(
                "G001",
                "3 deletes are more than 1",
                "look through them, then --allow G001=3 for this run",
                acknowledge="G001=3",
            ),
        ),
        (
            made(*["delete"] * 4),
            Limits(),
            Problem(
                "G002",
                "33.33% of Widget would be deleted (4/12), which is over 30.00%",
                "look through them, then --allow G002 for this run, or raise the limit in reconciler.yaml",
                acknowledge="G002",
            ),
        ),
        (
            made(*["update"] * 7),
            Limits(),
            Problem(
                "G003",
                "58.33% of Widget would be updated (7/12), which is over 50.00%",
                "look through them, then --allow G003 for this run, or raise the limit in reconciler.yaml",
                acknowledge="G003",
            ),
        ),
        (
            made("delete"),
            Limits(protected=frozenset(KEYS)),
            Problem(
                "G004",
                "Widget/w00 is protected and would be deleted",
                "restore its manifest, or --allow G004:Widget/w00",
                KEYS[0],
                "G004:Widget/w00",
            ),
        ),
        (
            made("delete", "delete", manifests=0),
            Limits(),
            Problem(
                "G005",
                "there is not one manifest, and 2 resources would be deleted",
                "check the folder and the target; --allow G005 if this is meant",
                acknowledge="G005",
            ),
        ),
        (
            made("forget", partial=True),
            Limits(),
            Problem("G006", "a narrowed run would delete or forget", "run without paths and selectors"),
        ),
        (
            made("delete"),
            Limits(outcome_unknown=True),
            Problem(
                "G007", "an earlier apply was interrupted, and this plan deletes", "run `reconciler apply --resume`"
            ),
        ),
        (
            made("update", cost=Cost(11, 5)),
            Limits(max_requests=10, max_seconds=5),
            Problem(
                "G018",
                "applying takes 11 requests, which is over 10",
                "apply a part of it (--only), raise maxRequests, or --allow G018=11 for this run",
                acknowledge="G018=11",
            ),
        ),
        (
            made("update", cost=Cost(10, 5.25)),
            Limits(max_requests=10, max_seconds=5),
            Problem(
                "G019",
                "applying takes 5.25 s at the target's limit, which is over 5 s",
                "apply a part of it (--only), raise maxSeconds, or --allow G019=6 for this run",
                acknowledge="G019=6",
            ),
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Problem) else "",
)
def test_each_guard_says_what_is_wrong_and_what_to_do(plan: Plan, limits: Limits, problem: Problem) -> None:
    assert check(plan, limits) == [problem]


def test_the_largest_number_counts_and_only_of_its_own_code() -> None:
    limits = Limits(allowed=frozenset({"G018=9", "G001=3", "G001=12", "G001=x", "G001"}))
    assert (limits.number("G001"), limits.number("G018"), limits.number("G019")) == (12, 9, None)
