"""Columns are coerced as a plain reading of the rules does it, record by record, whichever way a source takes."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.jobs.ingestion.prepare import prepare
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import Chunk, Position
from reconciler.jobs.records.readers.csv_reader import parse_block as read_csv
from reconciler.jobs.records.readers.ndjson_reader import parse_block as read_ndjson
from reconciler.jobs.records.transformations import transform
from reconciler.kinds.parts.transform import parse_transformation

COLUMNS = [
    Column("key", "string", required=True, max_length=6, key=True, source="key"),
    Column("text", "string", max_length=4, source="text"),
    Column("number", "number", source="number"),
    Column("flag", "boolean", source="flag"),
    Column("day", "date", required=True, source="day"),
]
NAMES = [column.name for column in COLUMNS]


class Refused(Exception):
    """The plain reading refuses a value."""


def plain_string(column: Column, text: str) -> Any:
    if column.max_length is not None and len(text) > column.max_length:
        raise Refused
    return text


def plain_number(_: Column, text: str) -> Any:
    text = text.strip()
    if not text:
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise Refused
    value = float(text)
    if not math.isfinite(value):
        raise Refused
    if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text)) > 2**53 - 1:
        raise Refused
    return value


def plain_boolean(_: Column, text: str) -> Any:
    text = text.strip()
    if text not in ("", "true", "false"):
        raise Refused
    return {"": None, "true": True, "false": False}[text]


def plain_date(_: Column, text: str) -> Any:
    text = text.strip()
    if not text:
        return None
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-5][0-9])?)?"
    if not re.fullmatch(form, text):
        raise Refused
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused from error
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


PLAIN = {"string": plain_string, "number": plain_number, "boolean": plain_boolean, "date": plain_date}


def plain(record: dict[str, str | None]) -> dict[str, Any] | set[str]:
    """What becomes of one record: its values, or the columns that are wrong."""
    made: dict[str, Any] = {}
    wrong: set[str] = set()
    for column in COLUMNS:
        text = record.get(column.name)
        try:
            made[column.name] = None if text is None else PLAIN[column.type](column, text)
        except Refused:
            wrong.add(column.name)
            continue
        if column.required and (made[column.name] is None or (column.key and made[column.name] == "")):
            wrong.add(column.name)
    return wrong or made


def outcome(frame: pl.DataFrame, rows: pl.Series, records: list[Any]) -> list[dict[str, Any] | set[str]]:
    """What the product makes of each record of a frame."""
    chunk = Chunk("f", Position(), Position(), frame, rows, lambda index: records[index])
    prepared = prepare(chunk, COLUMNS)
    good = zip(prepared.places, prepared.frame.iter_rows(named=True), strict=True)
    found: dict[int, dict[str, Any] | set[str]] = dict(good)
    for item in prepared.bad:
        assert item.record is records[item.row - 1]
        found[item.row - 1] = {part.partition(" ")[0] for part in item.reason.split("; ")}
    return [found[index] for index in range(frame.height)]


numbers = st.one_of(
    st.integers(-(2**60), 2**60).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(
        ["", " ", "1,000", "0x1F", "1_0", "+.5", "5.", ".", "1e", "1e999", "-0", " 7 ", "abc", "nan", "inf", "Infinity"]
    ),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
dates = st.one_of(
    st.dates().map(str),
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
    st.from_regex(r"(0000|0001|2024|2026|9999)-(0[0-9]|1[0-3])-(0[0-9]|[123][0-9])", fullmatch=True),
    st.from_regex(
        r"(0001|2024|9999)-(01|12)-(01|31)[T ](0[0-9]|2[0-4]):[0-6][0-9](:[0-6][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-2][0-9]:?[0-6][0-9])?",
        fullmatch=True,
    ),
    st.sampled_from(
        ["", " ", "0", "1", "1700000000", "2026-1-5", "2026-01-05T", "01/02/2026", "2026-01-05 ", "yesterday"]
    ),
)
words = st.text("aé€😀\" ,;'\\\tZ", max_size=8)
flags = st.sampled_from(["true", "false", " true ", "TRUE", "1", "", "yes", "null"])
records = st.fixed_dictionaries(
    {
        "key": st.none() | words,
        "text": st.none() | words,
        "number": st.none() | numbers,
        "flag": st.none() | flags,
        "day": st.none() | dates,
    }
)


def normal(items: list[dict[str, Any] | set[str]]) -> list[Any]:
    return [sorted(item) if isinstance(item, set) else item for item in items]


@given(st.lists(records, min_size=1, max_size=30))
@example([{"key": "a", "text": None, "number": "9007199254740992", "flag": None, "day": "2026-01-01"}])
@example([{"key": "a", "text": None, "number": "1e17", "flag": None, "day": "0001-01-01T00:00:00+05:00"}])
def test_text_is_coerced_as_one_by_one(items: list[dict[str, str | None]]) -> None:
    frame = pl.DataFrame(items, schema=dict.fromkeys(NAMES, pl.String))
    rows = pl.int_range(1, len(items) + 1, dtype=pl.UInt64, eager=True)
    assert normal(outcome(frame, rows, items)) == normal([plain(item) for item in items])


whole = st.integers(-(2**54), 2**54).map(str) | st.sampled_from(
    ["+5", "007", "-0", "9007199254740991", "-9007199254740992"]
)
few_dates = st.lists(dates, min_size=1, max_size=2)


@given(st.data(), st.integers(1, 30), few_dates)
def test_columns_of_one_kind_are_coerced_as_one_by_one(data: st.DataObject, size: int, days: list[str]) -> None:
    """Whole numbers alone, booleans alone, and the same few dates again and again: each has a shorter way."""
    columns = {
        "key": st.sampled_from(["a", "b"]),
        "text": st.none() | st.just("text"),
        "number": st.none() | whole,
        "flag": st.none() | st.sampled_from(["true", "false"]),
        "day": st.sampled_from(days),
    }
    items: list[dict[str, str | None]] = [
        {name: data.draw(values) for name, values in columns.items()} for _ in range(size)
    ]
    frame = pl.DataFrame(items, schema=dict.fromkeys(NAMES, pl.String))
    rows = pl.int_range(1, len(items) + 1, dtype=pl.UInt64, eager=True)
    assert normal(outcome(frame, rows, items)) == normal([plain(item) for item in items])


@given(st.lists(records, min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_csv_is_read_as_the_standard_library_does(
    items: list[dict[str, str | None]], line_end: str, quote_all: bool, end: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    for item in items:
        writer.writerow([item[name] or "" for name in NAMES])
    data = out.getvalue().encode()
    frame, rows, bad = read_csv(data if end else data.removesuffix(line_end.encode()), NAMES, 0, "f")
    assert bad == []
    assert rows.to_list() == list(range(1, len(items) + 1))
    assert frame.to_dicts() == [{name: item[name] or None for name in NAMES} for item in items]


@given(
    st.binary(max_size=60).map(lambda data: data.translate(bytes(b'a,"\n\r x\xffb'[value % 9] for value in range(256))))
)
@example(b"a,b\nx\nc,d\n")
@example(b'"a,b",c\nd\n')
@example(b'a,5" pipe\nb,6" pipe\n')
@example(b'a,"b\nc",d\n')
@example(b"a,b\n\nc,d")
@example(b'"a"x,b\n')
@example(b"a,b\rc,d\n")
@example(b'a,"b\n')
@example(b',"""')
@example(b"a,\xff\nb,c\n")
def test_no_byte_of_a_broken_csv_disappears(data: bytes) -> None:
    """Whatever the bytes: what is not empty is a record, good or bad, and good ones hold what the standard reader sees."""
    frame, rows, bad = read_csv(data, ["one", "two"], 0, "f")
    numbered = sorted([*rows.to_list(), *(item.row for item in bad)])
    assert numbered == list(range(1, len(numbered) + 1))
    text = data.decode("utf-8", "surrogateescape")
    if not bad:
        expected = [row for row in csv.reader(io.StringIO(text, newline="\n")) if row]
        assert [[value or "" for value in row] for row in frame.iter_rows()] == expected
    if text.strip("\r\n"):
        assert numbered


scalars = st.one_of(
    st.none(),
    words,
    numbers,
    dates,
    flags,
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.integers(-(10**60), 10**60),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = scalars | st.lists(st.integers(), max_size=2) | st.dictionaries(words, st.integers(), max_size=2)
objects = st.dictionaries(st.sampled_from([*NAMES, "other"]), values)


def json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


@given(st.lists(objects, min_size=1, max_size=20))
def test_ndjson_both_ways(items: list[dict[str, Any]]) -> None:
    """The quick and the thorough way of reading give the same; nested values are set aside, strings of numbers are numbers."""
    lines = [json.dumps(item, ensure_ascii=False).encode() for item in items]
    frame, rows, original, bad = read_ndjson(b"\n".join(lines), NAMES, 0, "f")
    nested = [
        index for index, item in enumerate(items) if any(isinstance(item.get(name), (list, dict)) for name in NAMES)
    ]
    assert [item.row - 1 for item in bad] == nested
    assert [item.record for item in bad] == [items[index] for index in nested]
    flat = [item for index, item in enumerate(items) if index not in nested]
    assert [original(index) for index in range(frame.height)] == flat
    assert [row - 1 for row in rows] == [index for index in range(len(items)) if index not in nested]
    for row, item in zip(frame.iter_rows(named=True), flat, strict=True):
        for name in NAMES:
            if isinstance(item.get(name), float):
                assert float(row[name]) == item[name]
            else:
                assert row[name] == json_text(item.get(name))
        other, _, _, _ = read_ndjson(json.dumps(item).encode() + b"\n{}\n[]", NAMES, 0, "f")
        assert other.row(0, named=True) == row


@given(st.lists(st.none() | dates | st.dates().map(lambda day: f"{day:%d.%m.%Y}") | st.just("3.1.2026"), min_size=1))
def test_dates_by_format(texts: list[str | None]) -> None:
    form = "%d.%m.%Y"
    column = Column("day", "date", source="day", transformation=parse_transformation(f"date:{form}"))
    made, problems = transform(column, pl.Series("day", texts, dtype=pl.String))
    wrong = set(problems[0].rows.arg_true()) if problems else set()
    for index, text in enumerate(texts):
        expected: str | None = None
        if text and text.strip():
            try:
                expected = datetime.strptime(text.strip(), form).isoformat(timespec="milliseconds") + "Z"  # noqa: DTZ007
            except ValueError:
                assert index in wrong
        assert made[index] == expected
        assert (index in wrong) == (expected is None and bool(text and text.strip()))
