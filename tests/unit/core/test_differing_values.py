"""When two values of two statements are the same, and what is shown of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.differing import TOUCHED_MOST, Stated, compare_plain, compare_sides, compare_trees
from reconciler.core.resource import Key
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret
from tests.support.kinds import GADGET, KINDS, WIDGET

W, G = Key("Widget", "w"), Key("Gadget", "g")
SECRET = Secret("env:A")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (1, 2, (1, 2)),
        (None, SECRET, (None, SECRET)),
        (ABSENT, SECRET, (ABSENT, SECRET)),
        ("canary", SECRET, (MASKED, SECRET)),
        ("canary", MASKED, (MASKED, MASKED)),
        (SECRET, {"deep": "canary"}, (SECRET, MASKED)),
        (Secret("env:B"), SECRET, (Secret("env:B"), SECRET)),
    ],
)
def test_what_stands_where_a_secret_is_is_not_shown(before: Any, after: Any, shown: tuple[Any, Any]) -> None:
    def side(value: Any) -> dict[str, Any]:
        return {} if value is ABSENT else {"a": value}

    assert compare_plain(side(before), side(after)) == (FieldChange(("a",), "ours", shown[0], shown[1], shown[0]),)
    assert compare_plain(side(after), side(before)) == (FieldChange(("a",), "ours", shown[1], shown[0], shown[1]),)


@pytest.mark.parametrize("exact", [True, False])
def test_nulls_and_nothing_differ_between_declarations_alone(exact: bool) -> None:
    pairs: list[tuple[Any, Any]] = [
        ({"note": None}, {}),
        ({}, {"note": None}),
        ({"settings": {"mode": None}}, {"settings": {"mode": "calm"}}),
    ]
    assert [bool(compare_trees(WIDGET, *pair, exact=exact)) for pair in pairs] == [exact] * 3
    assert compare_trees(WIDGET, {"note": None}, {"note": None}, exact=exact) == ()
    assert compare_trees(WIDGET, {"size": 1.0, "tags": ["a", "b"]}, {"size": 1, "tags": ["b", "a"]}, exact=exact) == ()
    assert len(compare_trees(WIDGET, {"tags": ["a"]}, {"tags": ["b"]}, exact=exact)) == 1
    (change,) = compare_plain({"a": None}, {})
    assert (change.live, change.desired) == (None, ABSENT)


def test_code_is_the_same_where_its_files_are_or_else_its_digest() -> None:
    def differ(one: Bundle, other: Any) -> bool:
        return bool(compare_trees(GADGET, {"code": one}, {"code": other}))

    one = Bundle("1", {"a": "x"})
    assert not differ(one, Bundle("2", {"a": "x"}))
    assert differ(one, Bundle("2", {"a": "y"}))
    assert differ(one, Bundle("2"))
    assert differ(Bundle("1"), Bundle("2", {"a": "x"}))
    assert not differ(one, Bundle("1"))
    assert differ(one, "text")


def test_items_in_items_are_told_apart_by_their_keys_too() -> None:
    kind = replace(WIDGET, keyed_lists={"parts": ("id",), "parts.*.steps": ("id",)})
    before = {"parts": [{"id": "a", "steps": [{"id": "x", "n": 1}, {"id": "y", "n": 1}]}]}
    after = {"parts": [{"id": "a", "steps": [{"id": "y", "n": 2}, {"id": "x", "n": 1}]}]}
    (change,) = compare_trees(kind, before, after)
    assert change.path == ("parts", "a", "steps", "y", "n")


def test_what_is_said_of_something_that_comes_stays_and_goes() -> None:
    def side(size: int, team: str) -> dict[Key, Stated]:
        fields = {"name": "live g", "size": size, "code": Bundle(str(size), {"a": str(size)})}
        return {G: Stated(G, fields, {"team": team}, locate=lambda path: Mark("a.yaml", 1 + len(path), 1))}

    one, two = side(1, "crm"), side(2, "ops")
    (changed,), _ = compare_sides(KINDS, one, two)
    assert [(item.label, item.live, item.desired) for item in changed.settings] == [("team", "crm", "ops")]
    (gone,), _ = compare_sides(KINDS, one, {})
    assert [(item.label, item.live, item.desired) for item in gone.settings] == [("team", "crm", ABSENT)]
    (added,), _ = compare_sides(KINDS, {}, one)
    assert [(item.label, item.live, item.desired) for item in added.settings] == [("team", ABSENT, "crm")]
    for found, status, files in [
        (changed, "changed", (("a", "changed"),)),
        (gone, "removed", (("a", "removed"),)),
        (added, "added", (("a", "added"),)),
    ]:
        assert (found.status, found.live_name, found.mark) == (status, "live g", Mark("a.yaml", 1, 1))
        assert (found.kind_class, found.bundle_files) == ("resource", files)
    assert compare_sides(KINDS, one, side(1, "crm")) == ((), 1)


def test_no_more_is_listed_of_what_a_change_touches_than_anybody_reads() -> None:
    edges = {Key("Job", f"{number:04}"): (W,) for number in range(TOUCHED_MOST + 1)}
    before, after = {W: Stated(W, {"size": 1})}, {W: Stated(W, {"size": 2})}
    (item,), _ = compare_sides(KINDS, before, after, edges=(edges,))
    assert (len(item.touches), item.touches_more) == (TOUCHED_MOST, True)
    (item,), _ = compare_sides(KINDS, before, after, edges=(dict.fromkeys(list(edges)[:-1], (W,)),))
    assert (len(item.touches), item.touches_more) == (TOUCHED_MOST, False)


def test_declarations_are_compared_exactly_unless_they_are_live() -> None:
    keyed = {"parts": [{"id": "a", "x": None}], "note": None}
    bare = {"parts": [{"id": "a"}]}
    (item,), unchanged = compare_sides(KINDS, {W: Stated(W, keyed)}, {W: Stated(W, bare)})
    assert ([change.label for change in item.fields], unchanged) == (["note", "parts[a].x"], 0)
    assert [change.keyed for change in item.fields] == [-1, 1]
    assert compare_sides(KINDS, {W: Stated(W, keyed)}, {W: Stated(W, bare)}, exact=False) == ((), 1)


def test_lists_are_compared_as_one_value_where_items_of_either_lack_their_key() -> None:
    keyed, bare = {"parts": [{"id": "a"}]}, {"parts": [{"x": 1}]}
    for pair in ((keyed, bare), (bare, keyed)):
        assert [change.label for change in compare_trees(WIDGET, *pair)] == ["parts"]
