"""Planning what is sent: lifecycles, immutable fields, schemas, bundles, whole bodies, pins and the cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.changes import pin_of
from reconciler.core.resource import Lifecycle, Pin
from reconciler.core.values import Bundle, Tree
from tests.support.kinds import GADGET, WIDGET, sealed
from tests.support.planning import G, T, V, W, codes, entry, live, only, plan, want


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


def test_a_create_without_nulls_sends_the_tree_that_its_entry_holds() -> None:
    plain = only(plan([want(W, settings={"mode": "x"}, tags=["a"])], [], []))
    assert plain.entry is not None
    assert plain.steps[0].body is plain.entry.fields
    changed = only(plan([want(W, settings={"speed": None}, status="ACTIVE")], [], []))
    assert changed.entry is not None
    assert changed.entry.fields == {"name": "w", "settings": {"speed": None}, "status": "ACTIVE"}
    assert changed.steps[0].body == {"name": "w", "settings": {}, "status": "DRAFT"}


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
