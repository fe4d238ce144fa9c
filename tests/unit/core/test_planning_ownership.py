"""Planning by who owns what: creating, adopting, moving, deleting, forgetting, and runs that are narrowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.resource import Entry, Key
from reconciler.core.values import Unknown
from tests.support.kinds import sealed
from tests.support.planning import G, V, W, actions, codes, entry, live, only, plan, want


def test_nothing_to_do() -> None:
    made = plan([want(W, size=2)], [live(W, size=2, uses=9, extra=1)], [entry(W, size=2)])
    assert (made.changes, made.problems, made.unchanged, made.sizes) == ((), (), 1, {"Widget": 1})
    assert made.empty
    assert not made.has_changes


def test_what_exists_nowhere_is_created() -> None:
    change = only(plan([want(W, size=2)], [], []))
    assert (change.action, change.pin.style, change.reason, change.resource_id) == ("create", "absent", "", "")
    assert [(step.operation, step.body) for step in change.steps] == [("create", {"name": "w", "size": 2})]
    assert change.entry is not None
    assert change.entry.fields == {"name": "w", "size": 2}


def test_what_is_gone_live_is_created_anew_and_marked() -> None:
    made = plan([want(W)], [], [entry(W)])
    assert only(made).reason == "missing"
    assert only(made).action == "create"
    assert made.drifted == made.changes


@pytest.mark.parametrize(("lost", "entries"), [(True, [entry(V)]), (False, []), (True, [])])
def test_without_a_ledger_resources_are_adopted_by_name(lost: bool, entries: list[Entry]) -> None:
    made = plan([want(W, size=3)], [live(W, size=2), live(V)], entries, lost=lost)
    change = next(change for change in made.changes if change.key == W)
    assert (change.action, change.resource_id, len(change.steps)) == ("adopt", "id-w", 1)
    assert not made.problems


def test_with_a_ledger_a_stranger_is_refused() -> None:
    made = plan([want(W), want(V)], [live(W), live(V)], [entry(V)])
    assert codes(made) == ["G011"]
    assert made.problems[0].key == W
    assert "last changed by ann" in made.problems[0].message
    assert not made.changes


def test_a_stranger_is_adopted_when_asked_for_by_name_or_id() -> None:
    observed = [live(W), live(V), live(Key("Widget", "x"))]
    by_name = plan([want(W), want(V)], observed, [entry(V)], adopt={W: ""})
    assert only(by_name).resource_id == "id-w"
    by_id = plan([want(W), want(V)], [live(V), live(Key("Widget", "x"))], [entry(V)], adopt={W: "id-x"})
    change = only(by_id)
    assert (change.action, change.resource_id, change.steps[0].body) == ("adopt", "id-x", {"name": "w"})


@pytest.mark.parametrize(("chosen", "why"), [("id-v", "belongs to Widget/v"), ("id-none", "there is no such resource")])
def test_an_id_that_cannot_be_adopted(chosen: str, why: str) -> None:
    made = plan([want(W), want(V)], [live(V)], [entry(V)], adopt={W: chosen})
    assert codes(made) == ["G011"]
    assert why in made.problems[0].message


def test_adopting_what_the_ledger_knew_under_a_lost_id_is_one_change() -> None:
    made = plan([want(W)], [live(W, "id-new")], [entry(W, "id-old")], adopt={W: "id-new"}, prune=True)
    assert actions(made) == [("adopt", "Widget/w")]
    assert only(made).entry == replace(entry(W), id="id-new")


def test_two_manifests_never_mean_one_resource() -> None:
    made = plan([want(W, name="n"), want(V, name="n")], [live(W, name="n")], [], lost=True)
    assert codes(made) == ["G011"]
    assert "already what Widget/v means" in made.problems[0].message
    assert [change.key for change in made.changes] == [V]


def test_a_name_that_several_bear_is_not_adopted() -> None:
    made = plan([want(W)], [live(W, "id-2"), live(W, "id-1")], [], lost=True)
    assert codes(made) == ["G011"]
    assert "ids id-1, id-2" in made.problems[0].message


def test_adoption_writes_no_secret_and_says_so() -> None:
    tree = {"vars": {"A": sealed("env:A", "x"), "B": "v"}}
    seen = {"vars": {"A": {"value": "********", "secret": True}, "B": "v"}}
    made = plan([want(W, **tree)], [live(W, **seen)], [])
    assert only(made).steps == ()
    assert made.warnings == ("Widget/w: adopted without writing its secrets; --write-secret Widget/w writes them",)
    forced = plan([want(W, **tree)], [live(W, **seen)], [], write_secrets=frozenset({W}))
    assert only(forced).steps[0].body == {"vars": {"A": tree["vars"]["A"]}}
    assert not forced.warnings


def test_a_move_changes_the_ledger_only() -> None:
    made = plan([want(W, moved_from=V, name="v")], [live(V)], [entry(V)])
    change = only(made)
    assert (change.action, change.steps, change.moved_from, change.reason) == ("none", (), V, "moved from Widget/v")
    assert made.sizes == {"Widget": 1}


def test_a_move_whose_both_ends_the_ledger_holds() -> None:
    made = plan([want(W, moved_from=V)], [live(V), live(W)], [entry(V), entry(W)])
    assert codes(made) == ["G013"]


def test_two_moves_from_one_key() -> None:
    made = plan([want(W, moved_from=V), want(Key("Widget", "x"), moved_from=V)], [live(V)], [entry(V)])
    assert codes(made) == ["G013"]


def test_a_move_to_another_kind_is_none() -> None:
    made = plan([want(G, moved_from=V, name="v")], [live(V)], [entry(V)])
    assert ("create", "Gadget/g") in actions(made)
    assert only(made).moved_from is None


@pytest.mark.parametrize(
    ("flags", "options", "action", "reason"),
    [
        ({}, {}, "", "prune is off"),
        ({}, {"prune": True}, "delete", ""),
        ({"protect": True}, {"prune": True}, "", "protected"),
        ({"protect": True}, {"prune": True, "allowed": frozenset({"G004:Widget/w"})}, "delete", ""),
        ({"retain": True}, {"prune": True}, "forget", "retained"),
        ({"retain": True}, {}, "", "prune is off"),
    ],
)
def test_what_becomes_of_a_resource_without_manifest(
    flags: dict[str, Any], options: dict[str, Any], action: str, reason: str
) -> None:
    made = plan([want(V)], [live(W), live(V)], [entry(W, **flags), entry(V)], **options)
    if action:
        assert (only(made).action, only(made).reason) == (action, reason)
        assert not made.orphans
    else:
        [orphan] = made.orphans
        assert reason in orphan.reason
        assert not made.changes


def test_a_delete_is_pinned_and_shows_what_goes() -> None:
    change = only(plan([], [live(W, size=2)], [entry(W)], prune=True))
    assert change.pin.value == "etag-id-w"
    assert change.entry is None
    assert [item.path for item in change.fields] == [("name",), ("size",)]


def test_what_is_gone_already_is_forgotten() -> None:
    change = only(plan([], [], [entry(W)]))
    assert (change.action, change.reason, change.steps) == ("forget", "already gone", ())


def test_a_kind_that_this_version_does_not_know_is_left() -> None:
    made = plan([], [], [entry(Key("Future", "x"))], prune=True)
    assert not made.changes
    assert "knows no kind Future" in made.orphans[0].reason


def test_a_narrowed_run_leaves_the_rest_alone() -> None:
    made = plan(
        [want(W), want(V, size=2)],
        [live(V)],
        [entry(V), entry(Key("Widget", "x"))],
        partial=True,
        selected=frozenset({W}),
    )
    assert actions(made) == [("create", "Widget/w")]


def test_a_narrowed_run_lacks_what_it_needs() -> None:
    desired = [want(W), want(G, widgetId=Unknown("Widget", "w", "id"), after=(W,))]
    made = plan(desired, [], [], partial=True, selected=frozenset({G}))
    assert codes(made) == ["G015"]
    assert not plan(desired, [live(W)], [entry(W)], partial=True, selected=frozenset({G})).problems
