"""What a conversion is: values of one column in, texts that PostgreSQL reads out, and a `Misfit` for what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from types import NoneType
from typing import Any, Protocol

import orjson

Fields = list[str]
"""One column of a batch as COPY's text format wants it: escaped, and `NULL` for null."""

NULL = r"\N"

STRINGS: frozenset[type] = frozenset({str, NoneType})
NUMBERS: frozenset[type] = frozenset({int, float, NoneType})

_SPECIAL = "\\\t\n\r"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

_SHOWN = 60


class Misfit(Exception):
    """A value does not fit its column; the text says why, in words that can follow a column's name."""


class Converter(Protocol):
    """Turns the values of one column into texts.

    Every type has two ways. `many` looks at a whole batch at once, with a few calls that run in C, and answers only where all of
    it plainly fits; `one` judges a single value, and says why where it does not fit. What both accept, PostgreSQL stores without
    changing it. ``exact`` says that numbers must be handed in with every digit.
    """

    exact: bool

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """The fields of all values, of which ``kinds`` are the types; None where one of them needs a closer look."""

    def one(self, value: Any) -> str:
        """The text of a value that is not null, not escaped; raises `Misfit`."""


def escape(text: str) -> str:
    """A text as a field."""
    return text.translate(_ESCAPES)


def fields_of(values: Sequence[Any], kinds: frozenset[type], write: Callable[[Any], str]) -> Fields:
    """The fields of values that ``write`` turns into texts without anything to escape."""
    if NoneType in kinds:
        return [NULL if value is None else write(value) for value in values]
    return list(map(write, values))


def text_fields(values: Sequence[str | None], texts: Sequence[str], joined: str) -> Fields:
    """The fields of strings; ``texts`` are those that are not null, ``joined`` all of them. Most hold nothing to escape."""
    if any(character in joined for character in _SPECIAL):
        return [NULL if value is None else value.translate(_ESCAPES) for value in values]
    if len(texts) < len(values):
        return [NULL if value is None else value for value in values]
    return list(texts)


def shown(value: Any) -> str:
    """A value as a reason shows it: JSON, shortened."""
    text = json_text(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def json_text(value: Any) -> str:
    """The JSON of a value that was read from JSON, with all digits of its numbers; raises `Misfit` where it has none."""
    try:
        return orjson.dumps(value, default=_digits).decode()
    except (TypeError, ValueError) as error:
        raise Misfit("is nested too deeply to be written as JSON") from error


def _digits(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(type(value).__name__)
