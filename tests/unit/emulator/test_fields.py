"""Field types: what they accept, how they normalise, and the path that a problem names."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Choice, FieldType, Flag, Integer, ListOf, MapOf, Member, Record, Text, optional

NESTED = Record(
    {
        "name": Member(Text(1, 5), required=True),
        "sizes": Member(ListOf(Integer(1, 9)), default=list),
        "flags": Member(MapOf(Text(1, 3, r"[a-z]+"), Flag()), default=dict),
        "note": Member(Text()),
        "kind": optional(Choice(("a", "b")), "a"),
    },
    frozenset({"id"}),
)


def judged(type_: FieldType, value: Any) -> tuple[Any, list[str]]:
    problems: list[Problem] = []
    return type_.accept(value, "", problems), [problem.field for problem in problems]


def test_defaults_are_filled_in_and_ignored_members_dropped() -> None:
    accepted, problems = judged(NESTED, {"name": "x", "id": {"any": "thing"}, "kind": None})
    assert problems == []
    assert accepted == {"name": "x", "sizes": [], "flags": {}, "kind": "a"}


def test_defaults_are_not_shared() -> None:
    first, _ = judged(NESTED, {"name": "x"})
    first["sizes"].append(1)
    assert judged(NESTED, {"name": "x"})[0]["sizes"] == []


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ([], [""]),
        ({}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "toolong"}, ["name"]),
        ({"name": "x", "other": 1}, ["other"]),
        ({"name": "x", "sizes": 1}, ["sizes"]),
        ({"name": "x", "sizes": [1, 10, "a"]}, ["sizes[1]", "sizes[2]"]),
        ({"name": "x", "sizes": [True]}, ["sizes[0]"]),
        ({"name": "x", "flags": {"a": 1}}, ["flags.a"]),
        ({"name": "x", "flags": {"A": True}}, ["flags.A"]),
        ({"name": 1, "kind": "c", "more": 1}, ["more", "name", "kind"]),
    ],
)
def test_problems_name_the_field(value: Any, fields: list[str]) -> None:
    assert judged(NESTED, value)[1] == fields


def test_a_pattern_covers_the_whole_text() -> None:
    assert judged(Text(pattern="[a-z]+"), "abc\n")[1] == [""]


def test_whole_floats_count_as_integers() -> None:
    accepted, problems = judged(Integer(1, 9), 5.0)
    assert (accepted, type(accepted), problems) == (5, int, [])
    assert judged(Integer(1, 9), 5.5)[1] == [""]


def test_unique_lists_refuse_an_element_twice() -> None:
    assert judged(ListOf(Choice(("a", "b")), unique=True), ["a", "a"])[1] == [""]
    assert judged(ListOf(Choice(("a", "b")), min_items=1), [])[1] == [""]
