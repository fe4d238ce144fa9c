"""text, varchar, boolean, uuid and jsonb."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from types import NoneType
from typing import Any

import orjson

from reconciler.jobs.stream_sink.columns import Column
from reconciler.jobs.stream_sink.conversion import STRINGS, Fields, Misfit, fields_of, json_text, shown, text_fields
from reconciler.jobs.stream_sink.convert_numbers import check_numeric


class TextConverter:
    """text and varchar: strings as they are, anything else as its JSON. PostgreSQL's text cannot hold the character NUL."""

    exact = True

    def __init__(self, column: Column) -> None:
        self._limit = column.bounds.characters

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All strings, none too long, none with NUL."""
        if not kinds <= STRINGS:
            return None
        texts = [value for value in values if value is not None] if NoneType in kinds else values
        joined = "".join(texts)
        if "\0" in joined or (self._limit is not None and max(map(len, texts), default=0) > self._limit):
            return None
        return text_fields(values, texts, joined)

    def one(self, value: Any) -> str:
        """A string, or the JSON of what is none."""
        text = value if isinstance(value, str) else json_text(value)
        if "\0" in text:
            raise Misfit("holds the character NUL, which PostgreSQL's text cannot")
        if self._limit is not None and len(text) > self._limit:
            raise Misfit(f"has {len(text)} characters, and the column takes {self._limit}")
        return text


_BOOLEANS = {True: "t", False: "f"}


class BooleanConverter:
    """boolean: true and false, and nothing that merely looks like them."""

    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All booleans."""
        return fields_of(values, kinds, _BOOLEANS.__getitem__) if kinds <= {bool, NoneType} else None

    def one(self, value: Any) -> str:
        """A boolean."""
        if not isinstance(value, bool):
            raise Misfit(f"is {shown(value)}, which is no boolean")
        return _BOOLEANS[value]


_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class UuidConverter:
    """uuid: 32 hexadecimal digits in the usual five groups (RFC 9562)."""

    exact = False

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All UUIDs."""
        if not kinds <= STRINGS or not all(map(_UUID.fullmatch, [value for value in values if value is not None])):
            return None
        return fields_of(values, kinds, str)

    def one(self, value: Any) -> str:
        """A UUID."""
        if not isinstance(value, str) or _UUID.fullmatch(value) is None:
            raise Misfit(f"is {shown(value)}, which is no UUID")
        return value


class JsonConverter:
    """jsonb: any value, with all digits of its numbers. jsonb cannot hold the character NUL, nor numbers beyond numeric."""

    exact = True

    def __init__(self, column: Column) -> None:
        del column

    def many(self, values: Sequence[Any], kinds: frozenset[type]) -> Fields | None:
        """All values without NUL."""
        del kinds  # any will do
        try:
            values = [None if value is None else orjson.dumps(value).decode() for value in values]
        except TypeError:
            return None
        texts = [value for value in values if value is not None]
        joined = "".join(texts)
        return None if "\\u0000" in joined else text_fields(values, texts, joined)

    def one(self, value: Any) -> str:
        """The JSON of a value."""
        _check_tree(value)
        return json_text(value)


def _check_tree(value: Any) -> None:
    """Refuse what JSON can say and jsonb cannot, wherever it stands; raises `Misfit`."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.keys()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            if "\0" in part:
                raise Misfit("holds the character NUL, which jsonb cannot")
        elif isinstance(part, Decimal):
            check_numeric(part)
