"""Which parts of a value are read: paths as a tree, and values without the rest."""

from __future__ import annotations

from reconciler.core.projection import WHOLE, both, pruned, reading


def test_paths_become_a_tree() -> None:
    assert reading([("a", "b"), ("a", "c", "d"), ("e",)]) == {"a": {"b": {}, "c": {"d": {}}}, "e": {}}
    assert reading([("a", "b"), ("a",)]) == {"a": {}}
    assert reading([("a",), ()]) == WHOLE == reading([])


def test_two_readers_read_what_either_does() -> None:
    assert both({"a": {"b": {}}, "c": {"d": {}}}, {"a": {"e": {}}, "f": {"g": {}}}) == {
        "a": {"b": {}, "e": {}},
        "c": {"d": {}},
        "f": {"g": {}},
    }
    assert both({"a": {"b": {}}}, {"a": {}}) == {"a": {}}
    assert both(WHOLE, {"a": {}}) == both({"a": {}}, WHOLE) == WHOLE


def test_what_is_not_read_goes() -> None:
    value = {"a": {"b": 1, "c": 2}, "d": [1], "e": 3}
    assert pruned(value, {"a": {"b": {}}, "d": {"x": {}}, "z": {}}) == {"a": {"b": 1}, "d": [1]}
    assert pruned(value, WHOLE) is value
