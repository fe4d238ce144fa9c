"""What a plain scalar means: the core schema of YAML 1.2 (10.3.2), restricted to what JSON can say.

``no``, ``on``, ``yes``, ``2024-01-01`` and ``12:30:45`` are strings here, as they are to YAML 1.2.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

from reconciler.core.diagnostic import Rule
from reconciler.loading.yaml_rules import NOT_JSON, TAG, TAG_MISMATCH

Scalar = str | int | float | bool | None

FIRST: Final = frozenset("-+.0123456789~nNtTfF")
"""The first characters of all plain scalars that are not strings; the empty one, which is null, has none."""

PREFIX: Final = "tag:yaml.org,2002:"
"""What ``!!`` stands for."""

CONSTANTS: Final[dict[str, Scalar]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT: Final = re.compile(r"[-+]?[0-9]+").fullmatch
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_NOT_A_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)").fullmatch
_MISSING: Final = object()


class Refused(Exception):
    """A scalar that manifests may not hold: which rule says so, in what words, and what to write instead."""

    def __init__(self, rule: Rule, message: str, fix: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.fix = fix


def plain(text: str) -> Scalar:
    """The value of a plain (unquoted, untagged) scalar; raises `Refused` for numbers that JSON cannot say."""
    value: Any = CONSTANTS.get(text, _MISSING)
    if value is not _MISSING:
        return value  # type: ignore[no-any-return]
    if text[0] in "tTfFnN":
        return text
    if _INT(text):
        return _integer(text, 10)
    if _FLOAT(text):
        return _float(text)
    if _BASED(text):
        return _integer(text, 0)
    if _NOT_A_NUMBER(text):
        raise Refused(
            NOT_JSON, f"{text} has no JSON form", "write a finite number, or quote the value if text is meant"
        )
    return text


def tagged(tag: str, text: str, style: str) -> Scalar:
    """The value of a scalar with an explicit tag; raises `Refused` when the tag is unknown or does not fit."""
    kind = tag.removeprefix(PREFIX)
    if kind == "str":
        return text
    if kind not in ("int", "float", "bool", "null"):
        raise unknown_tag(tag) if kind not in ("seq", "map") else mismatch(tag, "a scalar")
    value = plain(text)
    if kind == "float" and type(value) is int:
        return _float(text if _FLOAT(text) else str(value))
    expected = {"int": int, "float": float, "bool": bool, "null": type(None)}[kind]
    if type(value) is not expected or (style and kind == "null" and text == ""):
        raise mismatch(tag, "this value")
    return value


def mismatch(tag: str, what: str) -> Refused:
    """The refusal of a value that is not what its tag promises; the value itself is not repeated, it may be secret."""
    kind = tag.removeprefix(PREFIX)
    return Refused(TAG_MISMATCH, f"{what} cannot be read as !!{kind}", f"leave out !!{kind}, or correct the value")


def unknown_tag(tag: str) -> Refused:
    """The refusal of a tag outside the core schema."""
    shown = f"!!{tag.removeprefix(PREFIX)}" if tag.startswith(PREFIX) else tag
    return Refused(TAG, f"the tag {shown} is not allowed", "remove the tag; quote the value if it is part of the text")


def _integer(text: str, base: int) -> int:
    try:
        value = int(text, base)
    except ValueError:
        # CPython refuses to convert thousands of digits: the conversion takes quadratic time.
        raise _too_long(len(text)) from None
    # RFC 8259 §6 leaves the range open; 64 bits is what JSON libraries, ours among them, carry without loss.
    if not -(2**63) <= value < 2**64:
        raise _too_long(len(text))
    return value


def _too_long(digits: int) -> Refused:
    return Refused(NOT_JSON, f"an integer of {digits} digits is too long", "quote the value if text is meant")


def _float(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Refused(NOT_JSON, f"{text[:40]} is beyond the range of a number", "quote the value if text is meant")
    return value
