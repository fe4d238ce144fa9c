"""What Parquet can hold is made a column's type or refused by record, whatever the type is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from reconciler.jobs.ingestion.prepare import Prepared, prepare
from reconciler.jobs.records.columns import Column, ColumnType
from reconciler.jobs.records.readers.chunk import Chunk, Position


def prepared(kind: ColumnType, values: pl.Series) -> Prepared:
    """One column of values that came from a file."""
    frame = pl.DataFrame([values.alias("v")])
    rows = pl.int_range(1, len(values) + 1, dtype=pl.UInt64, eager=True)
    end = Position(0, len(values), len(values))
    chunk = Chunk("f.parquet", Position(), end, frame, rows, lambda index: index, [])
    return prepare(chunk, [Column("v", kind, source="v")])


@pytest.mark.parametrize("kind", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.Int64, pl.UInt64])
def test_whole_numbers_of_every_width(kind: Any) -> None:
    found = prepared("number", pl.Series([5, None, 100], dtype=kind))
    assert found.frame["v"].to_list() == [5, None, 100]
    assert not found.bad


def test_whole_numbers_that_no_double_holds() -> None:
    found = prepared("number", pl.Series([2**53 - 1, 2**63 + 1], dtype=pl.UInt64))
    assert found.frame["v"].to_list() == [2**53 - 1]
    assert [bad.row for bad in found.bad] == [2]


@pytest.mark.parametrize("kind", ["string", "number", "boolean", "date"])
@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (pl.Series([b"\xff", None]), "is not UTF-8"),
        (pl.Series([[1], None]), "object or array"),
        (pl.Series([{"a": 1}, None]), "object or array"),
        (pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2)), "object or array"),
        (pl.Series([timedelta(seconds=1), None]), "length of time"),
    ],
    ids=["binary", "list", "struct", "array", "duration"],
)
def test_what_no_column_takes_costs_its_record_only(kind: ColumnType, values: pl.Series, reason: str) -> None:
    found = prepared(kind, values)
    assert [bad.row for bad in found.bad] == [1]
    assert reason in found.bad[0].reason
    assert found.frame["v"].to_list() == [None]


def test_bytes_that_are_text_are_taken() -> None:
    assert prepared("string", pl.Series([b"J\xc3\xb6rg"])).frame["v"].to_list() == ["J\u00f6rg"]
