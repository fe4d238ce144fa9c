"""Guards: arithmetic at their borders, and what lets them pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.guard import GUARDS, Limits, check
from reconciler.core.plan import Action, Change, Cost, Header, Plan
from reconciler.core.resource import Key

DATASETS = [Key("Dataset", f"d{index:02}") for index in range(40)]


def plan(deletes: int = 0, updates: int = 0, total: int = 40, **fields: object) -> Plan:
    actions: list[Action] = ["delete"] * deletes + ["update"] * updates
    changes = tuple(Change(key, action, key.name) for key, action in zip(DATASETS, actions, strict=False))
    values = {"sizes": {"Dataset": total}, "manifests": 1, **fields}
    return Plan(Header(), changes, **values)  # type: ignore[arg-type]


def codes(made: Plan, **limits: object) -> list[str]:
    return [problem.code for problem in check(made, Limits(**limits))]  # type: ignore[arg-type]


def test_all_codes_are_explained_once() -> None:
    listed = [rule.code for rule in GUARDS]
    assert len(listed) == len(set(listed))
    assert {f"G{number:03}" for number in range(1, 23)} <= set(listed)


@pytest.mark.parametrize(("deletes", "expected"), [(5, []), (6, ["G001"])])
def test_at_most_so_many_deletes(deletes: int, expected: list[str]) -> None:
    assert codes(plan(deletes)) == expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("G001=6", []),
        ("G001=7", []),
        ("G001=5", ["G001"]),
        ("G001", ["G001"]),
        ("G001=x", ["G001"]),
        ("G001=-9", ["G001"]),
    ],
)
def test_the_number_of_deletes_is_acknowledged_exactly(allowed: str, expected: list[str]) -> None:
    assert codes(plan(6), allowed=frozenset({allowed})) == expected


def test_an_acknowledged_number_also_lowers_the_limit() -> None:
    assert codes(plan(3), allowed=frozenset({"G001=2"})) == ["G001"]
    assert Limits(allowed=frozenset(f"G001={number}" for number in range(20))).number("G001") == 19


@pytest.mark.parametrize(
    ("deletes", "total", "expected"),
    [(3, 10, []), (4, 10, ["G002"]), (4, 9, []), (5, 9, []), (5, 16, ["G002"]), (5, 17, [])],
)
def test_the_share_of_deletes_counts_from_ten_on(deletes: int, total: int, expected: list[str]) -> None:
    assert codes(plan(deletes, total=total)) == expected


@pytest.mark.parametrize(
    ("updates", "total", "expected"), [(5, 10, []), (6, 10, ["G003"]), (9, 9, []), (20, 40, []), (21, 40, ["G003"])]
)
def test_the_share_of_updates(updates: int, total: int, expected: list[str]) -> None:
    assert codes(plan(updates=updates, total=total)) == expected


def test_the_message_states_the_arithmetic() -> None:
    [problem] = check(plan(updates=6, total=10), Limits())
    assert "60.00%" in problem.message
    assert "(6/10)" in problem.message
    assert "50.00%" in problem.message
    assert codes(plan(updates=6, total=10), allowed=frozenset({problem.acknowledge})) == []


def test_a_kind_of_unknown_size_has_no_share() -> None:
    assert codes(plan(4, sizes={})) == []


def test_a_small_kind_hides_no_large_one() -> None:
    small = Change(Key("Connector", "crm"), "delete", "crm")
    made = plan(4, total=10, sizes={"Connector": 1, "Dataset": 10})
    assert codes(replace(made, changes=(small, *made.changes))) == ["G002"]


def test_a_protected_resource_is_named_to_be_deleted() -> None:
    protected = frozenset({DATASETS[0], DATASETS[1]})
    assert codes(plan(2), protected=protected) == ["G004", "G004"]
    assert codes(plan(2), protected=protected, allowed=frozenset({"G004"})) == ["G004", "G004"]
    assert codes(plan(2), protected=protected, allowed=frozenset({"G004:Dataset/d00"})) == ["G004"]
    assert codes(plan(updates=2), protected=protected) == []


def test_an_empty_manifest_set_deletes_nothing_unasked() -> None:
    assert codes(plan(1, manifests=0)) == ["G005"]
    assert codes(plan(1, manifests=0), allowed=frozenset({"G005"})) == []
    assert codes(plan(0, manifests=0)) == []


def test_a_narrowed_run_never_deletes_or_forgets() -> None:
    assert codes(plan(1, partial=True), allowed=frozenset({"G006"})) == ["G006"]
    forget = Plan(Header(), (Change(DATASETS[0], "forget", "d"),), partial=True, manifests=1)
    assert codes(forget) == ["G006"]
    assert codes(plan(updates=1, partial=True)) == []


def test_an_open_outcome_stops_deletes_only() -> None:
    assert codes(plan(1), outcome_unknown=True, allowed=frozenset({"G007"})) == ["G007"]
    assert codes(plan(updates=1), outcome_unknown=True) == []


def test_the_budget_of_requests_and_seconds() -> None:
    made = plan(updates=2, cost=Cost(10, 2.5))
    assert codes(made) == []
    assert codes(made, max_requests=10, max_seconds=2.5) == []
    assert codes(made, max_requests=9, max_seconds=2.4) == ["G018", "G019"]
    assert codes(made, max_requests=0, allowed=frozenset({"G018=10"})) == []
    assert codes(made, max_requests=0, allowed=frozenset({"G018=9"})) == ["G018"]
    assert codes(made, max_seconds=0, allowed=frozenset({"G019=3"})) == []
    assert codes(made, max_seconds=0, allowed=frozenset({"G019=2"})) == ["G019"]
