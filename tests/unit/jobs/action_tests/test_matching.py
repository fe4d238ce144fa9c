"""Holding outputs against expectations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.values import ABSENT
from reconciler.jobs.action_tests.matching import Difference, Match, differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


@pytest.mark.parametrize(
    ("expected", "output", "match", "paths"),
    [
        ({}, {"a": 1}, "subset", []),
        ({}, {"a": 1}, "exact", ["a"]),
        ({"a": 1}, {"a": 1, "b": 2}, "subset", []),
        ({"a": 1}, {"a": 1.0}, "exact", []),
        ({"a": 1}, {"a": True}, "subset", ["a"]),
        ({"a": False}, {"a": 0}, "subset", ["a"]),
        ({"a": 1}, {}, "subset", ["a"]),
        ({"a": 1}, {"a": None}, "subset", ["a"]),
        ({"a": None}, {"a": None}, "exact", []),
        ({"a": None}, {}, "exact", []),
        ({"a": None}, {"a": 0}, "subset", ["a"]),
        ({"a": None}, {"a": 0}, "exact", ["a"]),
        ({}, {"a": None}, "exact", []),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, "subset", []),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, "exact", ["a.c"]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, "subset", ["a.b.c"]),
        ({"a": {"b": None}}, {"a": {}}, "subset", ["a.b"]),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, "subset", ["a[2]"]),
        ({"a": [1, 2]}, {"a": [1]}, "subset", ["a[1]"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, "subset", []),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, "exact", ["a[0].c"]),
        ({"a": [1]}, {"a": 1}, "subset", ["a"]),
        ({"a": {}}, {"a": []}, "subset", ["a"]),
        ({"a": 1}, [1], "subset", [""]),
        ({"a": 1}, None, "exact", [""]),
    ],
)
def test_what_differs(expected: dict[str, Any], output: Any, match: Match, paths: list[str]) -> None:
    assert [difference.path for difference in differences(expected, output, match)] == paths


def test_both_sides_are_told() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 3, "c": 4}, "exact") == [
        Difference("a", 1, 3),
        Difference("b", 2, ABSENT),
        Difference("c", ABSENT, 4),
    ]


@given(OBJECTS, OBJECTS)
def test_what_is_expected_exactly_is_expected_in_part(expected: dict[str, Any], more: dict[str, Any]) -> None:
    assert differences(expected, expected, "exact") == []
    assert differences(expected, {**more, **expected}, "subset") == []


@given(OBJECTS, OBJECTS)
def test_exact_finds_all_that_subset_finds(expected: dict[str, Any], output: dict[str, Any]) -> None:
    loose = {difference.path for difference in differences(expected, output, "subset")}
    assert loose <= {difference.path for difference in differences(expected, output, "exact")}
