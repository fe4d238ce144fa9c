"""When two values mean the same as JSON."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.compare import compare
from reconciler.core.sameness import frozen, identical, same, spelling
from reconciler.core.seal import seal
from reconciler.core.values import ABSENT, Bundle, Secret, Unknown
from reconciler.core.wire import canonical
from tests.support.kinds import GADGET, TABLE, WIDGET, fingerprint

ONE, TWO = Unknown("K", "a", "id"), Unknown("K", "b", "id")


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        ({"a": 1, "b": [1]}, {"b": [1.0], "a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 1, "b": 1}, False),
        ([1, 2], [1, 2.0], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([1], {"0": 1}, False),
        ({}, [], False),
        (None, 0, False),
        (ONE, Unknown("K", "a", "id"), True),
        (ONE, TWO, False),
        (ONE, "${ref:K/a.id}", False),
        (Bundle("aa", {"f": "1"}), Bundle("aa"), True),
        (Bundle("aa"), "aa", False),
    ],
)
def test_values_are_the_same_as_json_means_it(left: Any, right: Any, alike: bool) -> None:
    assert same(left, right) is alike
    assert same(right, left) is alike
    assert same({"x": [left]}, {"x": [right]}) is alike
    if not isinstance(left, (Bundle, Unknown)):
        assert (frozen(left) == frozen(right)) is alike
    assert not (identical(left, right) and not alike)


def test_a_spelling_tells_apart_what_python_does_not_and_is_none_for_what_is_not_plain() -> None:
    assert spelling({"a": 1, "b": [True]}) == spelling({"b": [True], "a": 1}) != spelling({"a": 1, "b": [1]})
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    for value in (deep, {"a": ONE}, {"a": 2**64}, {"a": "\ud800"}):
        assert spelling(value) is None
        assert not identical(value, value)


def test_what_is_given_up_is_told_with_all_three_values() -> None:
    def change(kind: Any, base: Any, desired: Any, live: Any) -> tuple[Any, ...]:
        [found] = compare(kind, base, desired, live, fingerprint=fingerprint).changes
        return (found.status, found.base, found.desired, found.live)

    assert change(GADGET, {"note": "a"}, {}, {"note": "a"}) == ("unset", "a", ABSENT, "a")
    assert change(GADGET, {"note": "a"}, {}, {"note": "b"}) == ("released", "a", ABSENT, "b")
    columns = {"a": {"type": "x"}, "b": {"type": "y"}}
    kept = {"columns": {"a": columns["a"]}}
    assert change(TABLE, {"columns": columns}, kept, {"columns": columns}) == (
        "ours",
        {"type": "y"},
        ABSENT,
        {"type": "y"},
    )
    other = {"columns": {**columns, "b": {"type": "z"}}}
    assert change(TABLE, {"columns": columns}, kept, other) == ("both", {"type": "y"}, ABSENT, {"type": "z"})
    assert change(TABLE, kept, kept, {"columns": columns}) == ("theirs", ABSENT, ABSENT, {"type": "y"})


def test_secrets_in_lists_get_their_fingerprints() -> None:
    found = seal({"a": [1, Secret("env:A", "x"), [Secret("env:B", "y")]]}, fingerprint)["a"]
    assert [found[1].fingerprint, found[2][0].fingerprint] == [fingerprint(Secret("r", value)) for value in "xy"]


def test_numbers_of_any_size_are_spelled_without_spaces() -> None:
    assert (
        canonical({"n": 2**70, "a": [1.0, {"é": None}]}) == '{"a":[1,{"é":null}],"n":1180591620717411303424}'.encode()
    )
    assert len(compare(WIDGET, {}, {"size": 2**70}, {"size": 2**70 + 1}, fingerprint=fingerprint).changes) == 1
