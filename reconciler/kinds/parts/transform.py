"""The transformations that a source/target mapping may name, and what they make of a value.

=================== ==================================================================================================
``lowercase``       the text in small letters
``uppercase``       the text in capitals
``trim``            the text without blanks around it
``e164``            a phone number in international form: ``+4722334455``
``date:FORMAT``     a date read by a strptime format that names the year: ``date:%d/%m/%Y``
``constant:TEXT``   always TEXT; the mapping then needs no source
``split:SEP:INDEX`` one part of the text, counted from 0, or from -1 at the end: ``split:,:0``
``default:TEXT``    TEXT where the source has nothing
=================== ==================================================================================================

A connector's own mappings have free text instead, which the tenant keeps and this tool does not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMES: Final = ("lowercase", "uppercase", "trim", "e164", "date", "constant", "split", "default")
_PLAIN: Final = frozenset({"lowercase", "uppercase", "trim", "e164"})
_GIVES: Final = {"date": "date", "uppercase": "string", "e164": "string"}


@dataclass(frozen=True, slots=True)
class Transformation:
    """One named transformation with its argument; ``index`` is the part that ``split`` takes."""

    name: str
    argument: str = ""
    index: int = 0

    @property
    def gives(self) -> str:
        """The column type of its result; empty where that depends on the text, which may read as a number or a date."""
        return _GIVES.get(self.name, "")


def parse_transformation(text: str) -> Transformation:
    """Read a transformation as manifests write it; raises `ValueError` that says what is wrong with it."""
    name, colon, argument = text.partition(":")
    if name in _PLAIN:
        if colon:
            raise ValueError(f"{name} takes no argument")
        return Transformation(name)
    if name not in NAMES:
        raise ValueError(f"{name!r} is no transformation; there are: {', '.join(NAMES)}")
    if not argument:
        raise ValueError(f"{name} needs an argument, for instance {_EXAMPLES[name]!r}")
    if name == "date":
        return _date(argument)
    return _split(argument) if name == "split" else Transformation(name, argument)


_EXAMPLES: Final = {
    "date": "date:%d/%m/%Y",
    "constant": "constant:crm",
    "split": "split:,:0",
    "default": "default:unknown",
}
_DIRECTIVES: Final = frozenset("aAbBdfGHIjmMpSuUVwWyYzZ%")
_YEAR: Final = frozenset("yYG")
_LARGEST: Final = 2**53 - 1
"""The largest whole number that JSON readers everywhere keep exactly (RFC 8259 §6)."""


def _date(argument: str) -> Transformation:
    position = argument.find("%")
    if position < 0:
        raise ValueError("date needs a format with % directives, for instance 'date:%d/%m/%Y'")
    found = set()
    while position >= 0:
        directive = argument[position + 1 : position + 2]
        if directive not in _DIRECTIVES or not directive:
            raise ValueError(f"date does not know the directive %{directive}")
        found.add(directive)
        position = argument.find("%", position + 2)
    if not found & _YEAR:
        raise ValueError("date needs a format that names the year (%Y, %y): without it every date would be in 1900")
    return Transformation("date", argument)


def _split(argument: str) -> Transformation:
    separator, _, index = argument.rpartition(":")
    if not separator:
        raise ValueError("split needs a separator and an index, for instance 'split:,:0'")
    try:
        return Transformation("split", separator, int(index))
    except ValueError:
        raise ValueError(f"split needs a whole number as its index, not {index!r}") from None


def misfit(transformation: Transformation, column_type: str) -> str:
    """Say why a transformation's result does not go into a column of a type; empty where it does.

    A ``constant`` or ``default`` has to read as the column's type.
    """
    if transformation.name in ("constant", "default"):
        if _reads_as(transformation.argument, column_type):
            return ""
        return f"{transformation.argument!r} does not read as a {column_type}"
    if column_type == "string" or transformation.gives in ("", column_type):
        return ""
    return f"{transformation.name} gives a {transformation.gives}, not a {column_type}"


def _reads_as(text: str, column_type: str) -> bool:
    if column_type == "boolean":
        return text in ("true", "false")
    if column_type == "number":
        return _is_number(text)
    if column_type == "date":
        return _is_date(text)
    return True


def _is_number(text: str) -> bool:
    from math import isfinite

    try:
        number = float(text)
    except ValueError:
        return False
    return isfinite(number) and "_" not in text and not (abs(number) > _LARGEST and text.strip().lstrip("+-").isdigit())


def _is_date(text: str) -> bool:
    import re
    from datetime import datetime

    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    # Python reads further forms of ISO 8601, which jobs do not.
    return re.match(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}|$)", text) is not None
