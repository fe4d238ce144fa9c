"""What fits a column: by type, and as a property held against PostgreSQL itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.stream_sink.columns import Bounds, Column, TableName, TablePlan
from reconciler.jobs.stream_sink.conversion import NULL, Misfit, escape
from reconciler.jobs.stream_sink.converters import converter_of
from reconciler.jobs.stream_sink.events import Preparer
from tests.support.postgres import Server, fresh_database
from tests.support.profile import share

TYPES = ("text", "integer", "bigint", "numeric", "double precision", "boolean", "date", "timestamptz", "uuid", "jsonb")


def one(type_: str, value: Any, bounds: Bounds | None = None) -> str:
    return converter_of(Column(("x",), "x", type_, bounds=bounds or Bounds())).one(value)


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        ("text", "plain", "plain"),
        ("text", 12, "12"),
        ("text", Decimal("0.10000000000000000001"), "0.10000000000000000001"),
        ("text", {"a": [True]}, '{"a":[true]}'),
        ("integer", 12, "12"),
        ("integer", 12.0, "12"),
        ("integer", -(2**31), "-2147483648"),
        ("bigint", 2**63 - 1, "9223372036854775807"),
        ("bigint", Decimal("9007199254740993.0"), "9007199254740993"),
        ("bigint", 4.27669348911901e16, "42766934891190100"),
        ("numeric", 12.5, "12.5"),
        ("numeric", Decimal("1e400"), "1E+400"),
        ("numeric", Decimal("0e99999"), "0"),
        ("numeric", Decimal("1." + "0" * 20_000), "1." + "0" * 16_383),
        ("double precision", 12, "12"),
        ("double precision", 1e308, "1e+308"),
        ("boolean", True, "t"),
        ("boolean", False, "f"),
        ("date", "2024-02-29", "2024-02-29"),
        ("timestamptz", "2026-01-01t00:00:00z", "2026-01-01t00:00:00z"),
        ("timestamptz", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        ("timestamptz", "2026-01-01T00:00:00+23:59", "2025-12-31T00:01:00+00:00"),
        ("uuid", "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6", "F81D4FAE-7dec-11d0-a765-00a0c91e6bf6"),
        ("jsonb", [1, None], "[1,null]"),
        ("jsonb", {"n": Decimal("0.10000000000000000001")}, '{"n":0.10000000000000000001}'),
        ("jsonb", "a\\u0000", '"a\\\\u0000"'),
    ],
)
def test_what_fits(type_: str, value: Any, text: str) -> None:
    assert one(type_, value) == text


@pytest.mark.parametrize(
    ("type_", "value", "why"),
    [
        ("text", "a\0b", "NUL"),
        ("integer", 12.5, "12.5, which is no whole number"),
        ("integer", 3_000_000_000, "outside the range of integer"),
        ("integer", -(2**31) - 1, "outside the range"),
        ("integer", "12", 'is "12", which is no number'),
        ("integer", True, "true, which is no number"),
        ("bigint", 2**63, "outside the range of bigint"),
        ("bigint", Decimal("1e1000000"), "outside the range"),
        ("numeric", "1", "no number"),
        ("numeric", Decimal("1e131072"), "larger"),
        ("numeric", Decimal("1e-16384"), "16383 decimals"),
        ("double precision", False, "no number"),
        ("boolean", 1, "no boolean"),
        ("boolean", "true", "no boolean"),
        ("date", "2026-02-29", "no date"),
        ("date", "2026-02-01T00:00:00Z", "no date"),
        ("date", 20260201, "no date"),
        ("timestamptz", "2026-02-30T00:00:00Z", "no time"),
        ("timestamptz", "2026-02-01T00:00:00", "no time with a zone"),
        ("timestamptz", "2026-02-01", "no time with a zone"),
        ("timestamptz", "0000-01-01T00:00:00Z", "no time"),
        ("timestamptz", "0001-01-01T00:00:00+23:00", "no time"),
        ("timestamptz", 1764000000, "no time"),
        ("uuid", "f81d4fae7dec11d0a76500a0c91e6bf6", "no UUID"),
        ("uuid", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "no UUID"),
        ("jsonb", {"a": ["b\0"]}, "NUL"),
        ("jsonb", {"a\0": 1}, "NUL"),
        ("jsonb", [Decimal("1e200000")], "larger"),
    ],
)
def test_what_does_not_fit(type_: str, value: Any, why: str) -> None:
    with pytest.raises(Misfit, match=why.replace(".", r"\.")):
        one(type_, value)


def test_bounds_of_the_live_column() -> None:
    assert one("text", "ünï", Bounds(characters=3)) == "ünï"
    with pytest.raises(Misfit, match="has 4 characters, and the column takes 3"):
        one("text", "ünïs", Bounds(characters=3))
    price = Bounds(precision=5, scale=2)
    assert one("numeric", 999.99, price) == "999.99"
    assert one("numeric", Decimal("1.5000"), price) == "1.50"
    with pytest.raises(Misfit, match="larger"):
        one("numeric", 1000, price)
    with pytest.raises(Misfit, match="2 decimals"):
        one("numeric", 0.125, price)
    small = Bounds(precision=2, scale=4)
    assert one("numeric", 0.0099, small) == "0.0099"
    with pytest.raises(Misfit, match="larger"):
        one("numeric", 0.01, small)


# -- against PostgreSQL itself


_FIRST, _LAST = datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29")
_TIMES = st.datetimes(_FIRST, _LAST).map(lambda moment: moment.isoformat())
_ZONES = st.sampled_from(["Z", "z", "+00:00", "-15:59", "+16:00", "+23:59", "-23:00", "+05:30", "", "+24:00"])
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.text("\0\\\t\n\r\b\vé€😀\"'", max_size=6)
    | st.dates().map(str)
    | st.builds("{}{}".format, _TIMES, _ZONES)
    | st.builds("{}.{}{}".format, st.just("2026-03-29T01:59:59"), st.from_regex(r"[0-9]{1,12}", fullmatch=True), _ZONES)
    | st.uuids().map(str)
    | st.sampled_from(["2016-12-31T23:59:60Z", "infinity", "now", "\\N", "\\.", "", "NaN", "2026-13-01", "24:00:00"])
)
_DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
).map(
    lambda value: (
        orjson.dumps(value, default=str, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode() if not _big(value) else "0"
    )
)


def _big(value: Any) -> bool:
    """Whether orjson cannot write it: integers beyond 64 bits are drawn as digits instead."""
    if isinstance(value, int):
        return not -(2**63) <= value < 2**64
    if isinstance(value, dict):
        return any(map(_big, value.values()))
    return isinstance(value, list) and any(map(_big, value))


class _Anything:
    def is_valid(self, instance: Any) -> bool:
        return True

    def iter_errors(self, instance: Any) -> Iterator[Any]:
        return iter(())


_PLAN = TablePlan(
    TableName("", "taken"),
    (
        Column(("id",), "id", "integer"),
        *(Column(("value",), f"c{number}", type_) for number, type_ in enumerate(TYPES)),
    ),
    key="id",
    order=None,
    updated=(),
)


@pytest.fixture(scope="module")
def connection(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with fresh_database(postgres) as url, psycopg.connect(url, autocommit=True) as made:
        made.execute("SET TimeZone = 'UTC'")
        for number, type_ in enumerate(TYPES):
            made.execute(f"CREATE TEMPORARY TABLE taken{number} (place integer, id integer, x {type_})")
        yield made


def _stored(connection: psycopg.Connection[Any], type_: str, texts: list[str]) -> list[Any]:
    """What PostgreSQL makes of these lines; raises for what it refuses."""
    with connection.transaction(force_rollback=True):
        table = f"taken{TYPES.index(type_)}"
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write("".join(f"{text}\n" for text in texts).encode())
        shown = "x::text" if type_ in ("jsonb", "timestamptz", "date") else "x"
        return [value for (value,) in connection.execute(f"SELECT {shown} FROM {table} ORDER BY place").fetchall()]


@pytest.mark.parametrize("type_", TYPES)
@share(0.4)
@given(jsons=st.lists(_VALUES | _DIGITS, min_size=1, max_size=8))
def test_what_is_accepted_is_stored_as_it_is(connection: psycopg.Connection[Any], type_: str, jsons: list[str]) -> None:
    plan = TablePlan(_PLAN.table, (_PLAN.columns[0], Column(("value",), "x", type_)), "id", None, ())
    raws = [f'{{"id": {number}, "value": {text}}}'.encode() for number, text in enumerate(jsons)]
    batch = Preparer(_Anything(), plan).prepare(raws, [0.0] * len(raws))
    assert len(batch.lines) + len(batch.refused) == len(raws)
    stored = _stored(connection, type_, batch.lines)
    for origin, value in zip(batch.origins, stored, strict=True):
        given_value = orjson.loads(jsons[origin])
        if given_value is None:
            assert value is None
        else:
            assert _same(type_, jsons[origin], given_value, value), (jsons[origin], value)


def _same(type_: str, text: str, given_value: Any, stored: Any) -> bool:
    if type_ in ("integer", "bigint", "numeric"):
        return Decimal(text) == stored
    if type_ == "double precision":
        return float(given_value) == stored or math.isclose(float(given_value), stored, rel_tol=1e-15)
    if type_ == "jsonb":
        return _exactly(text) == _exactly(stored)
    if type_ == "uuid":
        return str(stored) == given_value.lower()
    if type_ == "timestamptz":
        return _same_time(given_value, stored)
    if type_ == "text" and not isinstance(given_value, str):
        return _exactly(text) == _exactly(stored)
    return stored == given_value


def _exactly(text: str) -> Any:
    import json

    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def _same_time(given_value: str, stored: str) -> bool:
    plain = given_value.upper().replace(":60", ":59")
    moment = datetime.fromisoformat(plain)
    if stored.endswith(" BC") or len(stored.split("-", maxsplit=1)[0]) > 4:
        return True  # the day before the year 1, or after the year 9999, which Python cannot say
    kept = datetime.fromisoformat(stored).astimezone(UTC)
    leap = timedelta(seconds=1) if plain != given_value.upper() else timedelta(0)
    try:
        return abs(kept - moment - leap) <= timedelta(microseconds=1)
    except OverflowError:
        return False


@pytest.mark.parametrize("type_", TYPES)
@share(0.4)
@given(values=st.lists(_LEAVES.filter(lambda value: not _big(value)), min_size=1, max_size=6))
def test_a_whole_column_is_judged_as_each_value_is(type_: str, values: list[Any]) -> None:
    converter = converter_of(Column(("x",), "x", type_))
    fields = converter.many(values, frozenset(map(type, values)))
    if fields is None:
        return
    alone = [NULL if value is None else escape(converter.one(value)) for value in values]
    assert [_canonical(type_, field) for field in fields] == [_canonical(type_, field) for field in alone]


def _canonical(type_: str, text: str) -> Any:
    return Decimal(text) if type_ in ("numeric", "double precision") and text != NULL else text
