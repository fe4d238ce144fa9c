"""Declared fields against live ones, and the columns that fill them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.jobs.extension_sync.fields import columns_of, differences, own_columns, read_fields

MOMENT = "2026-11-21T07:00:00Z"


def field(name: str, type_: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def test_what_a_field_leaves_out_has_a_default() -> None:
    found = read_fields([field("a"), field("b", "number", maxLength=None, nullable=False), field("c", maxLength=3)])
    assert [(item.nullable, item.max_length) for item in found.values()] == [(True, 255), (False, None), (True, 3)]


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        ["a"],
        [{"type": "string"}],
        [field("a", "text")],
        [field("a"), field("a")],
        [field("a", maxLength="3")],
    ],
)
def test_what_is_no_schema_is_refused(items: Any) -> None:
    with pytest.raises(ValueError, match=r"it has|the type|the maxLength"):
        read_fields(items)


@pytest.mark.parametrize(
    ("declared", "live", "found"),
    [
        ([field("a")], [field("a")], []),
        ([field("a", maxLength=10)], [field("a", maxLength=20)], []),
        ([field("a", nullable=False)], [field("a")], []),
        ([field("a")], [field("a"), field("b")], []),
        ([field("a")], [], ["a does not exist there"]),
        ([field("a")], [field("a", "date")], ["a is a date there, not a string"]),
        ([field("a")], [field("a", nullable=False)], ["a must not be null there"]),
        ([field("a")], [field("a", maxLength=254)], ["a takes 254 characters there, not 255"]),
        (
            [field("a")],
            [field("a"), field("b", nullable=False)],
            ["b exists there, must not be null, and is not declared here"],
        ),
        (
            [field("a"), field("b", "number")],
            [field("b", "boolean")],
            ["a does not exist there", "b is a boolean there, not a number"],
        ),
    ],
)
def test_only_what_would_make_records_fail_is_a_difference(declared: Any, live: Any, found: list[str]) -> None:
    assert differences(read_fields(declared), read_fields(live), []) == found


def test_a_target_that_exists_nowhere_is_a_difference() -> None:
    fields = read_fields([field("a")])
    assert differences(fields, fields, ["a", "b"]) == ["b, which is mapped, does not exist there"]


def test_without_a_mapping_names_stay() -> None:
    columns = columns_of(read_fields([field("a", nullable=False), field("b", "number")]), None, MOMENT)
    assert [(item.name, item.source, item.required, item.max_length) for item in columns] == [
        ("a", "a", True, 255),
        ("b", "b", False, None),
    ]


def test_a_mapping_names_what_is_filled() -> None:
    mapping = {
        "mappings": [
            {"source": "A", "target": "b", "transformation": "trim"},
            {"target": "a", "transformation": "constant:x"},
        ]
    }
    columns = columns_of(read_fields([field("a"), field("b"), field("c")]), mapping, MOMENT)
    assert [(item.name, item.source, getattr(item.transformation, "name", None)) for item in columns] == [
        ("a", None, "constant"),
        ("b", "A", "trim"),
    ]


def stamps(*fields: dict[str, Any], mapping: Any = None) -> dict[str, Any]:
    columns = columns_of(read_fields(list(fields)), mapping, MOMENT)
    return {item.name: item.transformation.argument if item.transformation else item.source for item in columns}


def test_records_are_stamped_only_where_there_is_a_field_for_it() -> None:
    assert stamps(field("a")) == {"a": "a"}
    assert stamps(field("a"), field("_syncTimestamp", "date"), field("_sourceSystem")) == {
        "a": "a",
        "_syncTimestamp": MOMENT,
        "_sourceSystem": "ETL_PIPELINE_V1",
    }
    assert stamps(field("_syncTimestamp")) == {"_syncTimestamp": MOMENT}
    # Of a type that the stamp is none of, it is a field like any other.
    assert stamps(field("_syncTimestamp", "number"), field("_sourceSystem", "boolean")) == {
        "_syncTimestamp": "_syncTimestamp",
        "_sourceSystem": "_sourceSystem",
    }


def test_a_mapping_to_the_stamps_counts_more() -> None:
    mapping = {"mappings": [{"source": "a", "target": "a"}, {"source": "from", "target": "_sourceSystem"}]}
    found = stamps(field("a"), field("_syncTimestamp", "date"), field("_sourceSystem"), mapping=mapping)
    assert found == {"a": "a", "_syncTimestamp": MOMENT, "_sourceSystem": "from"}


def test_records_with_the_extensions_own_names_need_no_mapping() -> None:
    assert [(item.name, item.source) for item in own_columns(read_fields([field("a"), field("b")]))] == [
        ("a", "a"),
        ("b", "b"),
    ]
