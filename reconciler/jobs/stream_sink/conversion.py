"""What a conversion is: values of one column in, texts that PostgreSQL reads out, and a `Misfit` for what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

import orjson

Texts = list[str | None]
"""The texts of one column's values, None for null; not yet escaped."""

_SHOWN = 60


class Misfit(Exception):
    """A value does not fit its column; the text says why, in words that can follow a column's name."""


class Converter(Protocol):
    """Turns the values of one column into texts.

    Every type has two ways. `many` looks at a whole batch at once, with a few calls that run in C, and answers only where all of
    it plainly fits; `one` judges a single value, and says why where it does not fit. What both accept, PostgreSQL stores without
    changing it. ``free`` says that texts may hold characters that COPY escapes; ``exact`` that numbers must be handed in with
    every digit.
    """

    free: bool
    exact: bool

    def many(self, values: Sequence[Any]) -> Texts | None:
        """The texts of all values, nulls included; None where one of them needs a closer look."""

    def one(self, value: Any) -> str:
        """The text of a value that is not null; raises `Misfit`."""


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
