"""integer, bigint, numeric and double precision."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import NoneType
from typing import Any

from reconciler.jobs.stream_sink.columns import Column
from reconciler.jobs.stream_sink.conversion import NUMBERS, Fields, Misfit, fields_of, shown

NUMERIC_BEFORE = 131_072
"""Digits before the decimal point that numeric holds."""

NUMERIC_AFTER = 16_383
"""Digits after the decimal point that numeric holds."""


def _number(value: Any) -> int | float | Decimal:
    """A JSON number; raises `Misfit` for anything else, booleans too."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return value
    raise Misfit(f"is {shown(value)}, which is no number")


def _exactly(value: int | float | Decimal) -> int | Decimal:
    """A number as it was written: of a double, the decimal that it was read from, and not its nearest binary fraction."""
    return Decimal(repr(value)) if isinstance(value, float) else value


def check_numeric(value: int | float | Decimal, before: int = NUMERIC_BEFORE, after: int = NUMERIC_AFTER) -> Decimal:
    """The number exactly as written; raises `Misfit` where it has more digits than ``before`` and ``after`` the point."""
    exact = Decimal(_exactly(value))
    if not exact:
        return Decimal(0)
    if exact.adjusted() >= before:
        raise Misfit(f"is {shown(value)}, larger than the column takes")
    exact = _without_zeros(exact, after)
    if -_exponent(exact) > after:
        raise Misfit(f"is {shown(value)}, with more than the {after} decimals that the column takes")
    return exact


def _without_zeros(number: Decimal, after: int) -> Decimal:
    """The same number without zeros at its end that lie beyond ``after`` decimals."""
    if -_exponent(number) <= after:
        return number
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    kept = len(digits)
    while -exponent > after and digits[kept - 1] == 0:
        kept -= 1
        exponent += 1
    return Decimal((sign, digits[:kept], exponent))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


class WholeConverter:
    """integer and bigint: whole numbers within the type's range; 12.0 is one, 12.5 and "12" are not."""

    exact = True

    def __init__(self, column: Column) -> None:
        bits = 31 if column.type == "integer" else 63
        self._low, self._high = -(2**bits), 2**bits - 1
        self._type = column.type

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All integers within the range."""
        if not kinds <= {int, NoneType}:
            return None
        numbers = [value for value in values if value is not None]
        if numbers and (min(numbers) < self._low or max(numbers) > self._high):
            return None
        return fields_of(values, kinds, str)

    def one(self, value: Any) -> str:
        """A whole number, however it is written."""
        number = _exactly(_number(value))
        if not self._low <= number <= self._high:
            raise Misfit(f"is {shown(value)}, outside the range of {self._type}")
        if number != int(number):
            raise Misfit(f"is {shown(value)}, which is no whole number")
        return str(int(number))


class NumericConverter:
    """numeric: any number with all its digits; numeric(p, s) only what needs no rounding there."""

    exact = True

    def __init__(self, column: Column) -> None:
        self._before, self._after = NUMERIC_BEFORE, NUMERIC_AFTER
        if column.bounds.precision is not None:
            scale = column.bounds.scale or 0
            self._before, self._after = column.bounds.precision - scale, scale
        self._bounded = column.bounds.precision is not None

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All numbers, where the column takes any."""
        return None if self._bounded or not kinds <= NUMBERS else fields_of(values, kinds, repr)

    def one(self, value: Any) -> str:
        """A number, without a change of its value."""
        return str(check_numeric(_number(value), self._before, self._after))


class DoubleConverter:
    """double precision: any number, as the nearest double."""

    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All numbers."""
        return fields_of(values, kinds, repr) if kinds <= NUMBERS else None

    def one(self, value: Any) -> str:
        """A number."""
        return repr(_number(value))
