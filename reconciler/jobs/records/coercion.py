"""From what stands in a source to what a dataset's column takes, a whole column at a time. Nothing is guessed and nothing is cut.

======== ========================================================================================================================
number   decimal notation (``1250``, ``-0.5``, ``1e3``), blanks around it ignored; empty is no value. Whole numbers beyond
         2^53 - 1, NaN, Infinity, thousands separators and anything else are refused
boolean  ``true`` or ``false`` in small letters, or JSON's own; blanks around ignored; empty is no value
date     ISO 8601: a date, or a date and time with or without a zone (without: UTC); empty is no value. Sent as
         ``2026-11-03T00:00:00.000Z``
string   as it is, blanks included; longer than ``maxLength`` characters is refused, never cut. JSON numbers and booleans become
         their text
======== ========================================================================================================================

``null`` stays null, and is refused where the column is not nullable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.dates import read_dates, times_of

if TYPE_CHECKING:
    import polars as pl

MAX_INTEGER: Final = 2**53 - 1
"""The largest whole number that JSON readers everywhere keep exactly (RFC 8259 §6)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Which rows a column refuses, and why."""

    column: Column
    reason: str
    rows: pl.Series


Coerced = tuple["pl.Series", list[Problem]]


def coerce(column: Column, values: pl.Series) -> Coerced:
    """Turn a column's values into its type: (values, null wherever refused; what is refused)."""
    typed, problems = _BY_TYPE[column.type](column, values)
    if column.required:
        missing = typed.is_null() | (typed == "") if column.key and column.type == "string" else typed.is_null()
        for problem in problems:
            missing = missing & ~problem.rows
        if missing.any():
            problems.append(Problem(column, "has no value, and every record needs one", missing))
    return typed, problems


def readable(column: Column, values: pl.Series) -> Coerced:
    """A file's values in a type that has a text: what Parquet can hold and no column takes is refused, and null."""
    import polars as pl

    if values.dtype == pl.Binary:
        texts = pl.Series(values.name, [_decoded(value) for value in values], dtype=pl.String)
        return texts, _some(column, "is not UTF-8", texts.is_null() & values.is_not_null())
    if values.dtype.is_nested() or values.dtype == pl.Duration:
        reason = "is an object or array, which no column takes" if values.dtype.is_nested() else "is a length of time"
        nothing = pl.repeat(None, len(values), dtype=pl.String, eager=True)
        return nothing, _some(column, reason, values.is_not_null())
    return values, []


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _string(column: Column, values: pl.Series) -> Coerced:
    import polars as pl

    problems = []
    texts, native = values, values.dtype.is_float()
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        texts = times_of(values)
    elif values.dtype != pl.String:
        texts = values.cast(pl.String, strict=False)
        if native:
            odd = values.is_nan() | values.is_infinite()
            problems += _some(column, "is not a finite number", odd.fill_null(value=False))
    limit = column.max_length
    if limit is not None and (longest := texts.str.len_bytes().max()) is not None and int(str(longest)) > limit:
        too_long = (texts.str.len_chars() > limit).fill_null(value=False)
        problems += _some(column, f"is longer than {limit} characters", too_long)
    return texts, problems


def _number(column: Column, values: pl.Series) -> Coerced:
    import polars as pl

    texts = values
    if values.dtype == pl.String and (whole := _whole(values)) is not None:
        return whole, []
    if values.dtype.is_numeric() and not isinstance(values.dtype, pl.Decimal):
        if values.dtype.is_integer():
            # Polars compares no type with a number that it cannot hold.
            wide = values if values.dtype == pl.Int64 else values.cast(pl.Int128)
            beyond = ((wide > MAX_INTEGER) | (wide < -MAX_INTEGER)).fill_null(value=False)
            return wide.cast(pl.Int64, strict=False), _some(column, _BEYOND, beyond)
        numbers = values.cast(pl.Float64)
    else:
        texts = values.cast(pl.String, strict=False)
        numbers = texts.cast(pl.Float64, strict=False)
        if numbers.null_count() != texts.null_count():
            texts = texts.str.strip_chars()
            numbers = texts.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & texts.is_not_null()
    if texts.dtype == pl.String:
        wrong = wrong & (texts != "")
    infinite = (~numbers.is_finite()).fill_null(value=False)
    problems = _some(column, "is not a number", wrong | infinite)
    if infinite.any():
        numbers = pl.select(pl.when(~infinite).then(numbers)).to_series()
    beyond = (numbers.abs() > MAX_INTEGER).fill_null(value=False)
    if beyond.any():
        # A whole number that is written out would be sent as another one; 1e300 was never meant to the last digit.
        written = texts.str.contains(r"^[+-]?\d+$") if texts.dtype == pl.String else beyond
        problems += _some(column, _BEYOND, beyond & written)
    elif (numbers == numbers.floor()).all():
        return numbers.cast(pl.Int64), problems
    return numbers, problems


def _whole(texts: pl.Series) -> pl.Series | None:
    """Texts that are whole numbers within the limit, one and all, or no value; None where any is something else."""
    import polars as pl

    numbers = texts.cast(pl.Int64, strict=False)
    if numbers.null_count() != texts.null_count():
        return None
    least, most = numbers.min(), numbers.max()
    inside = least is None or (int(str(least)) >= -MAX_INTEGER and int(str(most)) <= MAX_INTEGER)
    return numbers if inside else None


_BEYOND: Final = "is a whole number beyond 2^53 - 1, which would lose digits"


def _boolean(column: Column, values: pl.Series) -> Coerced:
    import polars as pl

    if values.dtype == pl.Boolean:
        return values, []
    texts = values.cast(pl.String, strict=False)
    true = texts == "true"
    if (true | (texts == "false")).all():
        return true, []
    texts = texts.str.strip_chars()
    flags = pl.select(pl.when(texts == "true").then(True).when(texts == "false").then(False)).to_series()
    wrong = flags.is_null() & texts.is_not_null() & (texts != "")
    return flags, _some(column, "is neither true nor false", wrong.fill_null(value=False))


def _date(column: Column, values: pl.Series) -> Coerced:
    import polars as pl

    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        times = times_of(values)
    elif values.dtype == pl.String:
        times = read_dates(values)
    else:
        times = pl.Series(values.name, [None] * len(values), dtype=pl.String)
    wrong = times.is_null() & values.is_not_null()
    if wrong.any() and values.dtype == pl.String:
        wrong = wrong & (values.str.strip_chars() != "")
    return times, _some(column, "is no date (ISO 8601)", wrong.fill_null(value=False))


def _some(column: Column, reason: str, rows: pl.Series) -> list[Problem]:
    """The problem, if any row has it."""
    return [Problem(column, reason, rows)] if rows.any() else []


_BY_TYPE: Final[dict[str, Callable[[Column, pl.Series], Coerced]]] = {
    "string": _string,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
