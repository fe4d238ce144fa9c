"""Checks of columns: the quick look at all values and the slow one at each agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.emulator.columns import Column, flaws, is_date, key_texts

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text("ab\n", max_size=4),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.sampled_from(["2024-01-15T10:00:00Z", "2024-13-01", "2024-01-15T25:00:00Z", "20240115", "2024-01-15\n", ""]),
    st.just([]),
)
COLUMNS = st.builds(
    Column,
    st.just("c"),
    st.sampled_from(["string", "number", "boolean", "date"]),
    st.booleans(),
    st.none(),
) | st.builds(Column, st.just("c"), st.just("string"), st.booleans(), st.integers(1, 3))


@given(COLUMNS, st.lists(VALUES, max_size=4))
@example(Column("c", "date", nullable=True, max_length=None), ["2024-01-15", None, "20240115"])
def test_the_quick_look_and_the_slow_one_agree(column: Column, values: list[Any]) -> None:
    wrong = [index for index, value in enumerate(values) if column.wrong(value) is not None]
    assert column.all_right(values) == (not wrong)
    assert sorted(flaws([column], [{"c": value} for value in values])) == wrong


@pytest.mark.parametrize("text", ["2024-02-29", "2024-01-15T23:59:59.999999999+14:00", "0001-01-01T00:00:00Z"])
def test_dates(text: str) -> None:
    assert is_date(text)


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-1-5", "+010000-01-01", "2024-01-15T10:00Z", "2024-01-15T10:00:00", "2024-015", " "]
)
def test_no_dates(text: str) -> None:
    assert not is_date(text)


@pytest.mark.parametrize(
    ("type_", "values", "alike"),
    [
        ("number", [1, 1.0, 2**60, 1.5, -0.0, 0], [(0, 1), (4, 5)]),
        ("string", ["1", "1.0", ""], []),
        ("boolean", [True, False], []),
        ("date", ["2024-01-15", "2024-01-15T00:00:00.000Z", "2024-01-15T02:00:00+02:00", "2024-01-15T02:00:00Z"], [(0, 1), (1, 2), (0, 2)]),
        ("date", ["0001-01-01T00:00:00+01:00", "0001-01-01"], []),
    ],
)  # fmt: skip
def test_equal_values_have_equal_texts(type_: str, values: list[Any], alike: list[tuple[int, int]]) -> None:
    texts = key_texts([Column("c", type_, nullable=False, max_length=None)], [{"c": value} for value in values])
    pairs = [(i, j) for i in range(len(texts)) for j in range(i + 1, len(texts)) if texts[i] == texts[j]]
    assert sorted(pairs) == sorted(alike)


def test_several_columns_have_one_text() -> None:
    columns = [Column(name, "string", nullable=True, max_length=None) for name in "ab"]
    records = [{"a": "x", "b": "yz"}, {"a": "xy", "b": "z"}, {"a": "x"}, {"a": "x", "b": "yz"}]
    first, second, third, fourth = key_texts(columns, records)
    assert first == fourth != second
    assert third is None
