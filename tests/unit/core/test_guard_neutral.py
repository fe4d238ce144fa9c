"""What a case of a written guard leaves out follows from what it says, and else is neutral."""

from __future__ import annotations

import pytest

from reconciler.core.guard_neutral import misfit, neutral_change, neutral_plan

FIELD = {"path": "", "status": "ours", "before": None, "after": None, "secret": ""}


def test_kind_and_name_follow_from_the_key_and_the_key_from_them() -> None:
    keyed = neutral_change({"key": "Widget/w"})
    assert (keyed["kind"], keyed["name"], keyed["liveName"]) == ("Widget", "w", "w")
    named = neutral_change({"kind": "Widget", "name": "w", "liveName": "live"})
    assert (named["key"], named["liveName"]) == ("Widget/w", "live")
    assert neutral_change({"key": "Widget/w", "kind": "Gadget", "name": "g"})["key"] == "Widget/w"
    assert [neutral_change({part: "x"})["key"] for part in ("kind", "name")] == ["", ""]


def test_a_change_that_says_nothing_is_an_update_of_nothing() -> None:
    change = neutral_change({})
    assert (change["action"], change["schemaChange"], change["fields"], change["line"]) == ("update", "none", [], 0)
    assert neutral_change({"fields": [{"path": "size", "after": 2}, {"status": "both"}]})["fields"] == [
        {**FIELD, "path": "size", "after": 2},
        {**FIELD, "status": "both"},
    ]


def test_counts_follow_from_the_changes_but_where_they_are_given() -> None:
    changes = [
        {"key": "Widget/a", "action": "delete"},
        {"key": "Widget/b", "action": "delete", "drifted": True},
        {"key": "Gadget/c"},
    ]
    none = dict.fromkeys(("create", "update", "delete", "adopt", "forget", "drifted", "all"), 0)
    plan = neutral_plan({"changes": changes, "counts": {"create": 7}, "kinds": {"Gadget": {"all": 9}, "Other": {}}})
    assert plan["counts"] == {**none, "create": 7, "update": 1, "delete": 2, "drifted": 1, "all": 3}
    assert plan["kinds"] == {
        "Gadget": {**none, "update": 1, "all": 9},
        "Other": none,
        "Widget": {**none, "delete": 2, "drifted": 1, "all": 2},
    }


@pytest.mark.parametrize(
    ("kind", "fits", "wrong"),
    [
        ("string", "", 1),
        ("bool", False, 0),
        ("int", 1, True),
        ("int", 1, 1.5),
        ("double", 1, True),
        ("double", 1.5, ""),
        ("list(map)", [], {}),
        ("map(string, int)", {}, []),
    ],
)
def test_a_value_of_another_type_is_told_by_the_type(kind: str, fits: object, wrong: object) -> None:
    assert misfit((kind, "what it means"), fits) == ""
    assert misfit((kind, "what it means"), wrong) == kind
