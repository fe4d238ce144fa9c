"""Comparing where a kind's rules do not apply: lists without their keys, kinds without a status, sets of objects."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.compare import Comparison, compare
from reconciler.core.kind import Kind
from reconciler.core.normalise import normalise
from reconciler.core.values import Tree
from tests.support.kinds import TABLE, WIDGET


def compared(kind: Kind, base: Tree, desired: Tree, live: Tree) -> Comparison:
    return compare(kind, base, desired, live, fingerprint=lambda secret: secret.fingerprint)


@pytest.mark.parametrize("bare", [[{"x": 1}], [{"id": 1}], [{"id": "a"}, {"id": "a"}], ["a"], [{"id": "a"}, 3]])
def test_a_list_whose_items_have_no_keys_of_their_own_is_one_value(bare: list[Any]) -> None:
    keyed = [{"id": "a", "x": 1}]
    for desired, live in ((bare, keyed), (keyed, bare)):
        found = compared(WIDGET, {}, {"parts": desired}, {"parts": live})
        assert found.patch == {"parts": desired}
        assert [(change.label, change.keyed) for change in found.changes] == [("parts", -1)]
    assert compared(WIDGET, {}, {"parts": bare}, {"parts": bare}).changes == ()


def test_the_second_key_counts_where_some_item_lacks_the_first() -> None:
    live = [{"name": "a", "x": 1}, {"name": "b", "id": "1", "x": 1}]
    found = compared(WIDGET, {}, {"parts": [live[0], {**live[1], "x": 2}]}, {"parts": live})
    assert [change.label for change in found.changes] == ["parts[b].x"]


def test_a_kind_without_a_status_gives_fields_up_all_the_same() -> None:
    found = compared(TABLE, {"note": "a", "name": "t"}, {"name": "t"}, {"note": "a", "name": "t"})
    assert found.patch == {"note": None}
    assert [change.status for change in found.changes] == ["unset"]


@pytest.mark.parametrize(
    ("field", "released"), [("note", False), ("status", True), ("region", True), ("name", True), ("size", False)]
)
def test_what_cannot_be_given_up_stays(field: str, released: bool) -> None:
    found = compared(WIDGET, {field: "ACTIVE"}, {}, {field: "ACTIVE"})
    assert [change.status for change in found.changes] == ["released" if released else "unset"]
    assert found.patch == ({} if released else {field: None})


def test_objects_in_a_set_are_told_apart_by_all_that_they_hold() -> None:
    tags = [{"a": 1, "b": [1]}, {"a": 2}]
    assert compared(WIDGET, {}, {"tags": tags}, {"tags": tags[::-1]}).changes == ()
    for other in ([{"a": 1, "b": [2]}, {"a": 2}], [{"a": 1, "b": [1]}, {"a": 3}], [{"a": True, "b": [1]}, {"a": 2}]):
        assert len(compared(WIDGET, {}, {"tags": tags}, {"tags": other}).changes) == 1
    assert len(compared(WIDGET, {}, {"tags": [{"a": 1}]}, {"tags": [["a", 1]]}).changes) == 1


@pytest.mark.parametrize("labels", [5, "text", None, True, [1.0], {"a": 1.0}])
def test_a_normaliser_of_items_leaves_what_has_none_as_it_is(labels: Any) -> None:
    assert normalise(WIDGET, {"labels": labels}) == {"labels": labels}
