"""Records of an extension sync against a plain reading of the rules, one value at a time."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.extension_sync.fields import columns_of, read_fields
from reconciler.jobs.extension_sync.transform import transformed
from reconciler.jobs.records.readers.chunk import Chunk, Position

FIELDS = [
    {"name": "id", "type": "string", "maxLength": 6, "nullable": False},
    {"name": "text", "type": "string", "maxLength": 4},
    {"name": "number", "type": "number"},
    {"name": "flag", "type": "boolean"},
    {"name": "day", "type": "date"},
    {"name": "must", "type": "number", "nullable": False},
]
WRONG = object()
NOTHING = object()

WORDS = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "a", " ab ", "abcd", "abcde", " abcd ", "ÅÄÖ€", "æøå€x", "\U0001f600" * 4, "null", "0"]),
)
NUMBERS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "abc", "NaN", "inf", "-Infinity", "1_000", "1,5", "0x10", " 7 ", "1e3", "9007199254740993"]
    ),
    st.integers(-(2**53) + 1, 2**53 - 1).map(str),
    st.floats(-1e12, 1e12).map(repr),
)
FLAGS = st.sampled_from([None, "", " ", "true", "false", " true", "TRUE", "yes", "1", "0", "null"])
MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1))  # noqa: DTZ001 - texts without a zone
DATES = st.one_of(
    st.sampled_from(
        [None, "", " ", "0", "1970", "2024-02-30", "2023-02-29", "24-01-01", "2024-01-15T25:00:00Z", "today"]
    ),
    st.dates(min_value=date(1, 1, 2), max_value=date(9999, 12, 30)).map(str),
    MOMENTS.map(lambda moment: moment.isoformat(timespec="milliseconds")),
    MOMENTS.map(lambda moment: moment.isoformat(timespec="seconds") + "+05:30"),
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": WORDS, "text": WORDS, "number": NUMBERS, "flag": FLAGS, "day": DATES, "must": NUMBERS}
    ),
    max_size=12,
)


def one_value(field: dict[str, Any], text: str | None) -> Any:
    """One value by the rules: the value, `NOTHING` for none, or `WRONG`."""
    if text is None:
        return NOTHING
    if field["type"] == "string":
        text = text.strip()
        return text if len(text) <= field["maxLength"] else WRONG
    text = text.strip()
    if not text:
        return NOTHING
    return {"number": _number, "boolean": _flag, "date": _date}[field["type"]](text)


def _number(text: str) -> Any:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return WRONG
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text) if abs(int(text)) < 2**53 else WRONG
    return float(text) if math.isfinite(float(text)) else WRONG


def _flag(text: str) -> Any:
    return {"true": True, "false": False}.get(text, WRONG)


def _date(text: str) -> Any:
    if not re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return WRONG
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return WRONG
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


EMPTY = {"string": "", "number": 0, "boolean": False}


def one_record(record: dict[str, str | None], nulls: str) -> dict[str, Any] | None:
    """One record by the rules, None where it is set aside."""
    made: dict[str, Any] = {}
    for field in FIELDS:
        value = one_value(field, record[field["name"]])
        required = field.get("nullable") is False
        if value is WRONG or (required and value in (NOTHING, "")):
            return None
        if value is not NOTHING:
            made[field["name"]] = value
        elif nulls == "DEFAULT" and field["type"] in EMPTY:
            made[field["name"]] = EMPTY[field["type"]]
        elif nulls != "SKIP":
            made[field["name"]] = None
    return made


@given(RECORDS, st.sampled_from(["SET_NULL", "SKIP", "DEFAULT"]))
def test_records_are_what_the_rules_make_of_them(records: list[dict[str, str | None]], nulls: Any) -> None:
    frame = pl.DataFrame(records, schema={field["name"]: pl.String for field in FIELDS})
    rows = pl.Series(range(1, len(records) + 1), dtype=pl.UInt64)
    chunk = Chunk("f", Position(), Position(0, 0, len(records)), frame, rows, lambda index: records[index])
    columns = columns_of(read_fields(FIELDS), None, "2026-01-01T00:00:00Z")
    made = transformed(chunk, columns, nulls)
    good, bad = list(made.texts()), made.bad
    expected = [one_record(record, nulls) for record in records]
    assert [orjson.loads(text) for text in good] == [record for record in expected if record is not None]
    assert [item.row for item in bad] == [row for row, record in enumerate(expected, 1) if record is None]
    assert [item.record for item in bad] == [records[item.row - 1] for item in bad]
    assert all(item.reason and item.column for item in bad)
    for text in good:
        types = {name: type(value) for name, value in orjson.loads(text).items() if value is not None}
        wanted = {"string": {str}, "number": {int, float}, "boolean": {bool}, "date": {str}}
        assert all(types[field["name"]] in wanted[field["type"]] for field in FIELDS if field["name"] in types)
