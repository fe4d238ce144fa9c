"""Holding records against the columns of a table, a batch at a time. Pure.

A column is looked at in all records before the next one is, by functions that loop in C: what is right costs
little, and only a column that something is wrong with is gone through record by record.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat
from types import NoneType
from typing import Any

import orjson

from reconciler.emulator.fields import Doc, Json

_NUMBERS = frozenset({int, float})
_ALLOWED: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": _NUMBERS,
    "boolean": frozenset({bool}),
    "date": frozenset({str}),
}
_EXPECTED = {
    "string": "must be a string",
    "number": "must be a number",
    "boolean": "must be true or false",
    "date": "must be a date such as 2024-01-15 or 2024-01-15T09:30:00.000Z",
}
_DAY = r"\d{4}-\d\d-\d\d"
_DATE = re.compile(rf"{_DAY}(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?", re.ASCII)
_SHAPE = str.maketrans("123456789", "0" * 9)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``max_length`` is in characters and for strings only, None for no limit."""

    name: str
    type: str
    nullable: bool
    max_length: int | None

    @classmethod
    def of(cls, name: str, doc: Doc) -> Column:
        """Read a column from its description in a resource."""
        return cls(name, doc["type"], doc["nullable"], doc.get("maxLength"))

    def wrong(self, value: Json) -> str | None:
        """Say what is wrong with one value, None standing for an absent one; None where it is right."""
        if value is None:
            return None if self.nullable else "must not be null"
        if type(value) not in _ALLOWED[self.type] or (self.type == "date" and not is_date(value)):
            return _EXPECTED[self.type]
        if self.max_length is not None and len(value) > self.max_length:
            return f"must have at most {self.max_length} characters"
        return None

    def all_right(self, values: Sequence[Json]) -> bool:
        """Say whether nothing is wrong with any of the values."""
        types = set(map(type, values))
        if self.nullable:
            types.discard(NoneType)
        if not types <= _ALLOWED[self.type]:
            return False
        if self.type == "date":
            return _are_dates([value for value in values if value is not None])
        if self.max_length is not None:
            return max(map(len, filter(None, values)), default=0) <= self.max_length
        return True


def is_date(text: str) -> bool:
    """Say whether a text is a day, or a moment with its offset, in ISO 8601 and in the calendar."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _are_dates(texts: Sequence[str]) -> bool:
    shapes = set("\n".join(texts).translate(_SHAPE).split("\n")) if texts else ()
    if not all(map(_DATE.fullmatch, shapes)):
        return False
    try:
        deque(map(datetime.fromisoformat, texts), maxlen=0)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one record: its index, the column, and the reason."""

    index: int
    column: str
    message: str


def flaws(columns: Iterable[Column], records: Sequence[Doc]) -> dict[int, list[Flaw]]:
    """Give everything that is wrong, by the record's index; columns that are not described are not looked at."""
    found: dict[int, list[Flaw]] = {}
    for column in columns:
        values = list(map(dict.get, records, repeat(column.name)))
        if column.all_right(values):
            continue
        for index, value in enumerate(values):
            message = column.wrong(value)
            if message is not None:
                found.setdefault(index, []).append(Flaw(index, column.name, message))
    return found


def _number_key(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _date_key(value: str) -> str:
    moment = datetime.fromisoformat(value)
    return str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH)


_KEYS: Mapping[str, Callable[[Any], str]] = {"number": _number_key, "boolean": str, "date": _date_key}


def key_texts(columns: Sequence[Column], records: Sequence[Doc]) -> list[str | None]:
    """Give for each record a text that is equal to another's exactly where its values are, such as 1 and 1.0.

    None stands for a record with a null among these columns: it is equal to none.
    """
    made = [_column_texts(column, records) for column in columns]
    if len(made) == 1:
        return made[0]
    return [None if None in texts else orjson.dumps(texts).decode() for texts in zip(*made, strict=True)]


def _column_texts(column: Column, records: Sequence[Doc]) -> list[str | None]:
    values = list(map(dict.get, records, repeat(column.name)))
    make = _KEYS.get(column.type)
    return values if make is None else [None if value is None else make(value) for value in values]
