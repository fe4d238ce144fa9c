"""Planning by what the ledger knows: secrets, flags, ignored fields, marks, and ETags that were recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.diagnostic import Mark
from reconciler.core.resource import Entry, Lifecycle
from reconciler.core.values import Secret, Tree
from tests.support.kinds import fingerprint, sealed
from tests.support.planning import V, W, entry, live, only, plan, want


def test_an_unchecked_secret_is_a_change_of_nothing() -> None:
    base = {"credentials": {"token": Secret("env:A", fingerprint="fp")}}
    made = plan(
        [want(W, credentials={"token": Secret("env:A")})],
        [live(W, credentials={"token": "********"})],
        [entry(W, **base)],
    )
    change = only(made)
    assert (change.action, change.unchecked, change.steps) == ("none", (("credentials", "token"),), ())
    assert not made.has_changes
    assert not made.empty


def test_a_rotated_secret_is_an_update() -> None:
    base = {"credentials": {"token": Secret("env:A", fingerprint="fp")}}
    secret = Secret("env:A", "new")
    change = only(
        plan([want(W, credentials={"token": secret})], [live(W, credentials={"token": "********"})], [entry(W, **base)])
    )
    assert (change.action, change.fields[0].secret) == ("update", "rotated")
    assert change.steps[0].body["credentials"]["token"].fingerprint == fingerprint(secret)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"lifecycle": Lifecycle(protect=True)}, "protected from now on"),
        ({"lifecycle": Lifecycle(protect=True, retain=True)}, "protected from now on, retained from now on"),
        ({"after": (V,)}, ""),
    ],
)
def test_what_only_the_ledger_learns(changed: dict[str, Any], reason: str) -> None:
    made = plan([want(W, **changed)], [live(W)], [entry(W)])
    change = only(made)
    assert (change.action, change.steps, change.reason) == ("none", (), reason)
    assert not made.has_changes
    assert made.unchanged == (0 if reason else 1)


def test_what_was_written_back_is_unchanged_before_the_ledger_knows_it() -> None:
    made = plan([want(W, size=2)], [live(W, size=2)], [entry(W, size=1)])
    assert (only(made).action, made.unchanged, made.drifted) == ("none", 1, ())


def test_the_loss_of_protection_stands_beside_what_else_changes() -> None:
    change = only(plan([want(W, size=2)], [live(W)], [entry(W, protect=True, retain=True)]))
    assert (change.action, change.reason) == ("update", "no longer protected, no longer retained")


def test_the_ledger_keeps_of_ignored_fields_what_was_sent() -> None:
    lifecycle = Lifecycle(ignore_changes=("settings.speed", "description"))
    desired = [want(W, settings={"speed": 9, "mode": "x"}, description="new", size=2, lifecycle=lifecycle)]
    first = only(plan(desired, [], [])).entry
    assert first is not None
    assert first.fields["settings"] == {"speed": 9, "mode": "x"}
    change = only(
        plan(desired, [live(W, settings={"speed": 1, "mode": "x"})], [entry(W, settings={"speed": 5, "mode": "x"})])
    )
    assert change.entry is not None
    assert change.entry.fields == {"name": "w", "settings": {"speed": 5, "mode": "x"}, "size": 2}


def test_each_difference_is_marked_where_it_is_declared() -> None:
    parts = [{"id": "b", "x": "a"}, {"id": "a", "x": 2}]
    seen: list[tuple[str | int, ...]] = []

    def locate(path: tuple[str | int, ...]) -> Mark | None:
        seen.append(path)
        return Mark("a.yaml", len(seen), 1) if path != ("size",) else None

    desired = replace(want(W, size=2, parts=parts), locate=locate)
    observed = live(W, size=3, parts=[{"id": "a", "x": 3}, {"id": "b", "x": "a"}, {"id": "c"}])
    change = only(plan([desired], [observed], [entry(W, size=2, parts=parts)]))
    # The item whose key is a, not the first one that has an a somewhere; an item that is not declared has its list.
    assert seen == [(), ("parts", 1, "x"), ("parts",), ("size",)]
    assert change.mark == Mark("a.yaml", 1, 1)
    assert set(change.marks) == {"parts[a].x", "parts[c]"}


def test_the_mark_of_an_item_in_a_list_that_git_has_not_as_a_list() -> None:
    desired = replace(want(W, parts=[]), locate=lambda path: Mark("a.yaml", len(path), 1))
    change = only(plan([desired], [live(W, parts=[{"id": "a"}])], [entry(W, parts=[{"id": "a"}])]))
    assert change.marks == {"parts[a]": Mark("a.yaml", 1, 1)}


def test_a_secret_that_stands_in_the_clear_is_not_shown() -> None:
    base = {"vars": {"A": sealed("env:A", "x")}}
    made = plan([want(W, **base)], [live(W, vars={"A": "canary"})], [entry(W, **base)])
    assert only(made).fields[0].secret == "missing"
    assert "canary" not in repr(made)


def seen(item: Entry, **changes: Any) -> Entry:
    """An entry whose fields were seen live under the ETag that `live` gives."""
    return replace(item, etag=f"etag-{item.id}", **changes)


def test_under_the_recorded_etag_git_and_ledger_decide_alone() -> None:
    recorded = seen(entry(W, size=2))
    # The body says otherwise, which under the same ETag a tenant never does: this shows that it was not looked at.
    assert plan([want(W, size=2)], [live(W, size=3)], [recorded]).unchanged == 1
    (change,) = plan([want(W, size=2)], [live(W, size=3)], [replace(recorded, etag="other")]).changes
    assert (change.action, change.fields[0].status) == ("update", "theirs")


@pytest.mark.parametrize(
    ("wanted", "before"),
    [
        ({"size": 3}, {"size": 2}),
        ({"size": 2, "description": None}, {"size": 2}),
        ({"size": 2}, {"size": 2, "description": "old"}),
        ({"settings": {"speed": 1, "mode": None}}, {"settings": {"speed": 1}}),
        ({"size": True}, {"size": 1}),
        ({"credentials": {"token": Secret("env:T", "new")}}, {"credentials": {"token": sealed("env:T", "old")}}),
        ({"credentials": {"token": Secret("env:T")}}, {"credentials": {"token": sealed("env:T", "old")}}),
    ],
)
def test_what_git_says_anew_is_planned_under_the_recorded_etag_too(wanted: Tree, before: Tree) -> None:
    body = {**before, "description": "old", "settings": {"speed": 1, "mode": "fast"}}
    observed = [live(W, **{name: value for name, value in body.items() if name != "credentials"})]
    made = plan([want(W, **wanted)], observed, [seen(entry(W, **before))])
    assert [change.key for change in made.changes] == [W]


def test_a_secret_is_written_again_on_demand_under_the_recorded_etag() -> None:
    token = {"credentials": {"token": Secret("env:T", "same")}}
    recorded = seen(entry(W, credentials={"token": sealed("env:T", "same")}))
    observed = [live(W, credentials={"token": "********"})]
    assert plan([want(W, **token)], observed, [recorded]).unchanged == 1
    assert plan([want(W, **token)], observed, [recorded], write_secrets=frozenset({W})).changes
