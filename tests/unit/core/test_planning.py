"""Planning, row by row: ownership, references, lifecycles, schemas, names, and what stands in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.changes import pin_of
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Change, Header, Plan
from reconciler.core.planning import Options, make_plan
from reconciler.core.resource import Desired, Entry, Key, Ledger, Lifecycle, Observed, Pin
from reconciler.core.values import Bundle, Secret, Template, Tree, Unknown
from tests.support.kinds import GADGET, KINDS, WIDGET, fingerprint, sealed

W, V, G, T = Key("Widget", "w"), Key("Widget", "v"), Key("Gadget", "g"), Key("Ledgerbook", "t")


def want(key: Key, **fields: Any) -> Desired:
    lifecycle = fields.pop("lifecycle", Lifecycle())
    after = fields.pop("after", ())
    moved = fields.pop("moved_from", None)
    return Desired(key, {"name": key.name, **fields}, lifecycle, after, moved_from=moved)


def live(key: Key, resource_id: str = "", **fields: Any) -> Observed:
    resource_id = resource_id or f"id-{key.name}"
    body = {"name": key.name, **fields, "id": resource_id, "etag": f"etag-{resource_id}", "lastModifiedBy": "ann"}
    return Observed(key.kind, resource_id, body, body["etag"])


def entry(key: Key, resource_id: str = "", after: tuple[Key, ...] = (), **fields: Any) -> Entry:
    flags = {name: fields.pop(name) for name in ("protect", "retain") if name in fields}
    return Entry(key, resource_id or f"id-{key.name}", {"name": key.name, **fields}, after, **flags)


def plan(
    desired: list[Desired], observed: list[Observed], entries: list[Entry], *, lost: bool = False, **options: Any
) -> Plan:
    by_kind: dict[str, list[Observed]] = {}
    for item in observed:
        by_kind.setdefault(item.kind, []).append(item)
    ledger = Ledger("s", "t", {item.key: item for item in entries}, lost=lost)
    return make_plan(
        desired, by_kind, ledger, KINDS, header=Header(), options=Options(**options), fingerprint=fingerprint
    )


def actions(made: Plan) -> list[tuple[str, str]]:
    return [(change.action, str(change.key)) for change in made.changes]


def codes(made: Plan) -> list[str]:
    return [problem.code for problem in made.problems]


def only(made: Plan) -> Change:
    [change] = made.changes
    return change


# Ownership.


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


# Moving, losing, deleting.


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


# References.


def test_a_reference_is_known_after_apply_or_now() -> None:
    desired = [
        want(G, widgetId=Unknown("Widget", "w", "id"), url=Template(("x/", Unknown("Widget", "w", "id"))), after=(W,)),
        want(W),
    ]
    made = plan(desired, [], [])
    assert actions(made) == [("create", "Widget/w"), ("create", "Gadget/g")]
    assert made.changes[1].after == (W,)
    assert made.changes[1].steps[0].body["widgetId"] == Unknown("Widget", "w", "id")
    known = plan(desired, [live(W)], [entry(W)])
    assert only(known).steps[0].body == {"name": "g", "widgetId": "id-w", "url": "x/id-w"}


def test_a_reference_to_what_is_created_anew_changes_what_refers_to_it() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "w", "id"), after=(W,)), want(W)]
    made = plan(desired, [live(G, widgetId="id-w")], [entry(W), entry(G, after=(W,), widgetId="id-w")])
    assert actions(made) == [("create", "Widget/w"), ("update", "Gadget/g")]
    [field] = made.changes[1].fields
    assert (field.status, field.live) == ("ours", "id-w")


def test_a_reference_to_a_field_that_is_not_there_yet() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "w", "serial"), after=(W,)), want(W)]
    made = plan(desired, [live(W, serial=7)], [entry(W)])
    assert made.changes[0].steps[0].body["widgetId"] == "7"
    assert isinstance(plan(desired, [live(W)], [entry(W)]).changes[0].steps[0].body["widgetId"], Unknown)


# Lifecycles, immutable fields, schemas, bundles, pins.


def test_a_create_goes_through_the_initial_status() -> None:
    change = only(plan([want(W, status="ACTIVE", version="1.0.0")], [], []))
    assert [(step.operation, step.body) for step in change.steps] == [
        ("create", {"name": "w", "status": "DRAFT", "version": "1.0.0"}),
        ("move", {"status": "ACTIVE", "version": "1.0.0"}),
    ]


@pytest.mark.parametrize("status", ["DRAFT", None])
def test_a_create_at_the_initial_status_is_one_request(status: str | None) -> None:
    assert len(only(plan([want(W, status=status)], [], [])).steps) == 1


def test_a_create_sends_no_null_but_inside_data() -> None:
    tree: Tree = {"description": None, "settings": {"speed": None, "mode": "x"}, "opaque": {"a": {"default": None}}}
    body = only(plan([want(W, **tree)], [], [])).steps[0].body
    assert body == {"name": "w", "settings": {"mode": "x"}, "opaque": {"a": {"default": None}}}


def test_an_update_changes_fields_first_and_the_status_then() -> None:
    made = plan(
        [want(W, status="INACTIVE", version="2.0.0", size=2)],
        [live(W, status="ACTIVE", version="1.0.0", size=2)],
        [entry(W, status="ACTIVE", version="1.0.0", size=2)],
    )
    assert [(step.operation, step.body) for step in only(made).steps] == [
        ("update", {"version": "2.0.0"}),
        ("move", {"status": "INACTIVE", "version": "2.0.0"}),
    ]


def test_a_move_goes_with_the_version_that_is_live_where_it_is_ignored() -> None:
    made = plan(
        [want(W, status="INACTIVE", version="2.0.0", lifecycle=Lifecycle(ignore_changes=("version",)))],
        [live(W, status="ACTIVE", version="1.0.0")],
        [entry(W, status="ACTIVE")],
    )
    assert only(made).steps[0].body == {"status": "INACTIVE", "version": "1.0.0"}


@pytest.mark.parametrize(
    ("now", "wanted", "refused"),
    [("ACTIVE", "DRAFT", True), ("ACTIVE", None, True), ("ERROR", "INACTIVE", True), ("ERROR", "ACTIVE", False)],
)
def test_impossible_moves_are_refused_when_planning(now: str, wanted: str | None, refused: bool) -> None:
    made = plan([want(W, status=wanted)], [live(W, status=now)], [entry(W, status=now)])
    assert codes(made) == (["G010"] if refused else [])


def test_an_impossible_first_move_is_refused() -> None:
    assert codes(plan([want(W, status="ERROR")], [], [])) == ["G010"]


def test_an_immutable_field_is_refused() -> None:
    made = plan([want(W, region="us")], [live(W, region="eu")], [entry(W, region="eu")])
    assert codes(made) == ["G009"]
    assert not plan([want(W, region="us")], [], []).problems


@pytest.mark.parametrize(("records", "expected"), [(0, []), (1, ["G008"]), (None, []), ("many", [])])
def test_a_breaking_change_is_refused_only_where_there_are_records(records: Any, expected: list[str]) -> None:
    old = {"columns": {"a": {"type": "string", "nullable": True}}}
    new = {"columns": {"a": {"type": "date", "nullable": True}}}
    made = plan([want(T, **new)], [live(T, recordCount=records, **old)], [entry(T, **old)], readers={T: (G,)})
    assert codes(made) == expected
    assert [effect.effect for effect in only(made).effects] == ["breaking"]
    assert only(made).touches == (G,)


def test_a_compatible_change_passes() -> None:
    old: Tree = {"columns": {"a": {"type": "string", "nullable": True}}}
    new: Tree = {"columns": {**old["columns"], "b": {"type": "date", "nullable": True}}}
    made = plan([want(T, **new)], [live(T, recordCount=5, **old)], [entry(T, **old)])
    assert not made.problems
    assert only(made).effects[0].effect == "compatible"


def test_a_change_beside_the_schema_has_no_effect_on_it() -> None:
    old: Tree = {"columns": {"a": {"type": "string", "nullable": True}}}
    change = only(
        plan([want(T, description="x", **old)], [live(T, recordCount=5, **old)], [entry(T, **old)], readers={T: (G,)})
    )
    assert (change.effects, change.touches) == ((), ())


def test_the_files_of_a_bundle_are_told_apart() -> None:
    old = Bundle("aa", {"index.js": "1", "gone.js": "1", "same.js": "1"})
    new = Bundle("bb", {"index.js": "2", "new.js": "1", "same.js": "1"})
    change = only(plan([want(W, code=new)], [live(W, codeSha256="aa")], [entry(W, code=old)]))
    assert change.bundle_files == (("gone.js", "removed"), ("index.js", "changed"), ("new.js", "added"))
    created = only(plan([want(W, code=new)], [], []))
    assert {what for _, what in created.bundle_files} == {"added"}


def test_a_put_sends_all_that_is_live_with_the_changes() -> None:
    secret = sealed("env:A", "x")
    made = plan(
        [want(G, note="new", code=Bundle("aa", path="code"), state="ON", credentials={"token": secret})],
        [
            live(
                G,
                note="old",
                other=1,
                codeSha256="aa",
                state="OFF",
                credentials={"token": "********", "more": "********"},
            )
        ],
        [entry(G, note="old", code=Bundle("aa"), state="OFF", credentials={"token": secret})],
    )
    update, move = only(made).steps
    assert update.body.keys() == {"name", "note", "other", "code", "state", "credentials"}
    assert (update.body["note"], update.body["other"], update.body["state"]) == ("new", 1, "OFF")
    assert update.body["code"].path == "code"
    assert move.body == {**update.body, "state": "ON"}


def test_a_put_does_not_send_code_that_nobody_declared() -> None:
    change = only(plan([want(G, note="new")], [live(G, codeSha256="aa")], [entry(G)]))
    assert change.steps[0].body == {"name": "g", "note": "new"}


def test_pins_follow_the_style_and_what_the_api_has() -> None:
    seen = live(W, version="1.0.0")
    assert pin_of(WIDGET, seen, "etag") == Pin("etag", "etag-id-w", pin_of(WIDGET, seen, "etag").digest)
    assert pin_of(WIDGET, seen, "version").value == "1.0.0"
    assert pin_of(WIDGET, replace(seen, etag=""), "etag").style == "version"
    assert pin_of(WIDGET, seen, "compare").style == "compare"
    assert pin_of(GADGET, replace(live(G), etag=""), "etag").style == "compare"
    assert pin_of(WIDGET, seen, "compare").best_effort
    assert not pin_of(WIDGET, seen, "etag").best_effort


def test_the_cost_counts_writes_comparisons_and_reading_back() -> None:
    made = plan([want(W, size=3), want(V)], [live(W, size=2), live(V)], [entry(W, size=2), entry(V)], rate=2.0)
    assert (made.cost.requests, made.cost.seconds) == (2, 1.0)
    compared = plan([want(W, size=3)], [live(W, size=2)], [entry(W, size=2)], style="compare")
    assert (compared.cost.requests, compared.cost.seconds) == (3, 0.0)


# Secrets, and what only the ledger has to learn.


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


# Names and order.


def test_a_chain_of_renames_frees_names_first() -> None:
    x = Key("Widget", "x")
    desired = [want(V, name="w"), want(W, name="x"), want(x, name="y")]
    made = plan(desired, [live(V), live(W), live(x)], [entry(V), entry(W), entry(x)])
    assert [change.key for change in made.changes] == [x, W, V]
    assert not made.problems


def test_a_swap_of_names_has_no_order() -> None:
    made = plan([want(V, name="w"), want(W, name="v")], [live(V), live(W)], [entry(V), entry(W)])
    assert codes(made) == ["G012"]
    assert [change.key for change in made.changes] == [V, W]


def test_a_name_is_freed_by_a_delete_first() -> None:
    made = plan([want(V, name="w")], [live(W)], [entry(W)], prune=True)
    assert actions(made) == [("delete", "Widget/w"), ("create", "Widget/v")]
    assert made.changes[1].after == (W,)


@pytest.mark.parametrize("desired", [[want(V, name="w")], [want(V, name="w"), want(W)]])
def test_a_name_that_stays_taken_is_refused(desired: list[Desired]) -> None:
    made = plan(desired, [live(W)], [entry(W)])
    assert codes(made) == ["G016"]
    assert "movedFrom: Widget/w" in made.problems[0].fix


def test_a_rename_to_a_strangers_name_is_refused() -> None:
    made = plan([want(W, name="taken")], [live(W), live(Key("Widget", "taken"))], [entry(W)])
    assert codes(made) == ["G011"]


def test_the_name_that_counts_is_the_live_one() -> None:
    # Somebody renamed w to x on the console; now v wants to be called x, and w gets its name back first.
    made = plan([want(W), want(V, name="x")], [live(W, name="x"), live(V)], [entry(W), entry(V)])
    assert [change.key for change in made.changes] == [W, V]


def test_a_renamed_resource_that_others_depend_on_goes_first() -> None:
    desired = [want(W, name="new"), want(G, widgetId=Unknown("Widget", "w", "id"), note="n", after=(W,))]
    made = plan(desired, [live(W), live(G, widgetId="id-w")], [entry(W), entry(G, after=(W,), widgetId="id-w")])
    assert [change.key for change in made.changes] == [W, G]


def test_what_refers_to_a_deleted_resource_lets_go_first() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "v", "id"), after=(V,)), want(V)]
    observed = [live(G, widgetId="id-w"), live(W), live(V)]
    made = plan(desired, observed, [entry(G, after=(W,), widgetId="id-w"), entry(W), entry(V)], prune=True)
    assert actions(made) == [("update", "Gadget/g"), ("delete", "Widget/w")]
    both = plan([], observed, [entry(G, after=(W,)), entry(W), entry(V, after=())], prune=True)
    assert [change.key for change in both.changes].index(G) < [change.key for change in both.changes].index(W)


def test_deletes_go_backwards_whatever_their_names() -> None:
    made = plan([], [live(G), live(W)], [entry(G), entry(W, after=(G,))], prune=True)
    assert [change.key for change in made.changes] == [W, G]
    assert made.changes[1].after == (W,)


def test_a_secret_that_stands_in_the_clear_is_not_shown() -> None:
    base = {"vars": {"A": sealed("env:A", "x")}}
    made = plan([want(W, **base)], [live(W, vars={"A": "canary"})], [entry(W, **base)])
    assert only(made).fields[0].secret == "missing"
    assert "canary" not in repr(made)


def test_drift_is_listed_with_conflicts_first() -> None:
    desired = [want(V, size=1), want(W, size=3), want(Key("Widget", "x"), size=9)]
    observed = [live(V, size=2), live(W, size=2), live(Key("Widget", "x"), size=1)]
    made = plan(desired, observed, [entry(V, size=1), entry(W, size=1), entry(Key("Widget", "x"), size=1)])
    assert [change.key for change in made.drifted] == [W, V]
    assert made.drifted[0].conflicted
    assert made.drifted[1].modified == ("ann", "")


_HASHED = """
import json, sys
from reconciler.core.planfile import plan_to_json
from tests.unit.core.test_planning import sample
sys.stdout.write(json.dumps(plan_to_json(sample()), sort_keys=False))
"""


def sample() -> Plan:
    """A plan with a bit of everything, whose bytes are compared between hash seeds."""
    tags = {
        "tags": sorted({"a", "b", "c"}),
        "labels": {"x": 1, "y": {"text": "t"}},
        "vars": {"A": sealed("env:A", "x")},
    }
    desired = [
        want(G, widgetId=Unknown("Widget", "w", "id"), after=(W,)),
        want(W, **tags),
        want(V, size=2),
        want(T, columns={}),
    ]
    observed = [live(V, size=3), live(T), live(Key("Widget", "u")), live(Key("Widget", "z"))]
    return plan(
        desired, observed, [entry(V), entry(Key("Widget", "u"), protect=True), entry(Key("Widget", "z"))], prune=True
    )


def test_the_hash_seed_changes_no_byte() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", _HASHED],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(texts) == 1
    assert len(json.loads(texts.pop())["changes"]) > 3


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
