"""The shortest way to say a table: what the normaliser puts back is left out, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.shorten import shorten
from tests.support.kinds import TABLE, WIDGET

LISTED = replace(TABLE, normalisers={"columns.*": "field"})


def columns(found: dict[str, Any], **spec: Any) -> Any:
    return shorten(TABLE, {"columns": found, **spec})["columns"]


@pytest.mark.parametrize(
    ("live", "short"),
    [
        ({"type": "string", "nullable": True}, "string"),
        ({"type": "string", "nullable": False}, {"type": "string", "nullable": False}),
        ({"type": "string", "nullable": True, "maxLength": None}, "string"),
        ({"type": "string", "nullable": True, "maxLength": 9}, {"type": "string", "maxLength": 9}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        ("string", "string"),
    ],
)
def test_a_column_that_is_as_most_are(live: Any, short: Any) -> None:
    assert columns({"a": live}) == {"a": short}


def test_the_primary_key_takes_no_nulls_unless_it_says_so() -> None:
    closed, opened = {"type": "string", "nullable": False}, {"type": "string", "nullable": True}
    assert columns({"a": closed, "b": closed}, primaryKey="a") == {"a": "string", "b": closed}
    assert columns({"a": opened, "b": opened}, primaryKey="a") == {"a": opened, "b": "string"}
    odd = {"type": "string", "nullable": False, "enum": ["x"]}
    assert columns({"a": odd}, primaryKey="a") == {"a": {"type": "string", "enum": ["x"]}}
    elsewhere = replace(TABLE, normalisers={"others.*": "column"})
    assert shorten(elsewhere, {"others": {"a": closed}, "primaryKey": "a"})["others"] == {"a": closed}
    assert shorten(replace(TABLE, table=None), {"columns": {"a": opened}, "primaryKey": "a"})["columns"] == {
        "a": "string"
    }


def test_items_of_a_list_keep_their_names() -> None:
    fields = [{"type": "string", "nullable": True, "maxLength": 255}, {"type": "number", "nullable": True, "enum": [1]}]
    assert shorten(LISTED, {"columns": fields})["columns"] == [{"type": "string"}, {"type": "number", "enum": [1]}]
    columns = [{"type": "string", "nullable": True}]
    assert shorten(TABLE, {"columns": columns})["columns"] == [{"type": "string"}]
    assert shorten(LISTED, {"columns": "text"})["columns"] == "text"


def test_defaults_go_with_the_map_that_held_nothing_else() -> None:
    spec = {"settings": {"speed": 5, "mode": "wild"}, "size": 1, "parts": [], "description": "", "tags": None}
    assert shorten(WIDGET, spec) == {"settings": {"mode": "wild"}}
    assert spec["size"] == 1
    assert shorten(WIDGET, {"settings": {"speed": 5, "mode": "calm"}}) == {}
    assert shorten(WIDGET, {"settings": {}, "size": True}) == {"settings": {}, "size": True}
    assert shorten(WIDGET, {"settings": {"speed": 5.0}, "description": " "}) == {
        "settings": {"speed": 5.0},
        "description": " ",
    }
