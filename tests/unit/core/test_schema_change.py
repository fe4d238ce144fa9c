"""What a change of columns means for records, and what is said where it would break or lose them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.compare import FieldChange
from reconciler.core.kind import SchemaField
from reconciler.core.plan import Problem, Step, summary
from reconciler.core.resource import Pin
from reconciler.core.schema_change import SchemaEffect, classify
from reconciler.core.values import ABSENT
from tests.support.planning import T, W, entry, live, only, plan, want

TABLE = SchemaField("columns", "recordCount", "primaryKey")
PLAIN = {"type": "string"}


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        (PLAIN, PLAIN, []),
        (PLAIN, None, [("breaking", "column is dropped")]),
        (None, PLAIN, [("compatible", "new nullable column")]),
        (None, {**PLAIN, "nullable": False}, [("breaking", "new column that must not be null")]),
        (PLAIN, {"type": "date"}, [("breaking", "type changes from string to date")]),
        (PLAIN, {**PLAIN, "nullable": True}, []),
        ({**PLAIN, "nullable": True}, PLAIN, []),
        (PLAIN, {**PLAIN, "nullable": False}, [("breaking", "must no longer be null")]),
        ({**PLAIN, "nullable": False}, PLAIN, [("breaking", "may now be null")]),
        ({**PLAIN, "nullable": False}, {**PLAIN, "nullable": True}, [("breaking", "may now be null")]),
        ({**PLAIN, "maxLength": 5}, {**PLAIN, "maxLength": 6}, [("compatible", "limit grows from 5 to 6")]),
        ({**PLAIN, "maxLength": 5}, PLAIN, [("compatible", "limit grows from 5 to none")]),
        ({**PLAIN, "maxLength": 6}, {**PLAIN, "maxLength": 5}, [("breaking", "limit shrinks from 6 to 5")]),
        (PLAIN, {**PLAIN, "maxLength": 5}, [("breaking", "limit shrinks from none to 5")]),
        (
            {"type": "string", "maxLength": 5},
            {"type": "date", "nullable": False},
            [
                ("breaking", "type changes from string to date"),
                ("breaking", "must no longer be null"),
                ("compatible", "limit grows from 5 to none"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_what_one_column_does(before: Any, after: Any, effects: list[tuple[str, str]], listed: bool) -> None:
    def side(column: Any) -> dict[str, Any]:
        named = {} if column is None else {"c": column}
        return {"columns": [{"name": name, **item} for name, item in named.items()] if listed else named}

    assert classify(TABLE, side(before), side(after)) == tuple(
        SchemaEffect(effect, "c", message)  # type: ignore[arg-type]
        for effect, message in effects
    )


def test_the_key_comes_first_and_columns_by_name() -> None:
    before = {"columns": {"b": PLAIN, "a": PLAIN}, "primaryKey": "a"}
    after = {"columns": {"c": PLAIN}, "primaryKey": "c"}
    assert [(found.column, found.message) for found in classify(TABLE, before, after)] == [
        ("c", "primary key changes from a to c"),
        ("a", "column is dropped"),
        ("b", "column is dropped"),
        ("c", "new nullable column"),
    ]
    assert classify(TABLE, before, {"primaryKey": "a"}) == ()
    assert [found.column for found in classify(TABLE, before, {"primaryKey": "b"})] == ["b"]
    assert classify(SchemaField("columns", "n"), before, {"primaryKey": "b"}) == ()
    assert classify(TABLE, {"columns": "odd"}, {"columns": [3, {"name": 4}, {"name": "a"}]}) == (
        SchemaEffect("compatible", "a", "new nullable column"),
    )


def test_what_would_break_records_is_told_with_the_way_round() -> None:
    columns = {"a": {"type": "string"}, "b": {"type": "string"}}
    made = plan(
        [want(T, columns={"a": {"type": "date"}, "b": {"type": "date"}})],
        [live(T, columns=columns, recordCount=1200)],
        [entry(T, columns=columns)],
    )
    assert made.problems == (
        Problem(
            "G008",
            "Ledgerbook/t holds 1200 records, and the change breaks them: "
            "a: type changes from string to date; b: type changes from string to date",
            "add a new nullable column beside the old one, fill it, move the mappings over, then drop the old one "
            "once the dataset is empty; or declare a new resource under another name",
            T,
        ),
    )


def test_records_go_only_where_that_is_accepted_by_name() -> None:
    def gone(records: object, *allowed: str) -> Any:
        return plan([], [live(T, recordCount=records)], [entry(T)], prune=True, allowed=frozenset(allowed))

    made = gone(1200)
    assert made.problems == (
        Problem(
            "G017",
            "Ledgerbook/t holds 1200 records, which would be deleted with it",
            "restore its manifest, or, if the records may be lost, --allow G017:Ledgerbook/t",
            T,
            "G017:Ledgerbook/t",
        ),
    )
    forced = gone(1, "G017:Ledgerbook/t")
    assert forced.problems == ()
    assert (only(forced).steps, only(forced).reason) == ((Step("delete", {"force": True}),), "with its records")
    for none in (0, None, "many"):
        assert gone(none).problems == ()
        assert (only(gone(none)).steps, only(gone(none)).reason) == ((Step("delete", {}),), "")


def test_a_delete_shows_all_that_goes() -> None:
    made = plan([], [live(W, size=2, lastModifiedTime="noon")], [entry(W, name="applied")], prune=True)
    change = only(made)
    assert change.fields == (
        FieldChange(("name",), "ours", "w", ABSENT, "w"),
        FieldChange(("size",), "ours", 2, ABSENT, 2),
    )
    assert (change.live_name, change.resource_id, change.modified) == ("w", "id-w", ("ann", "noon"))
    assert change.pin == Pin("etag", "etag-id-w", change.pin.digest)
    assert change.entry is None
    assert summary(made) == "0 to create, 0 to update, 1 to delete, 0 drifted"
