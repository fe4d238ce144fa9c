"""Numbers as they were written: which events may hold one that a double cannot say, and reading those exactly.

A JSON parser turns ``0.10000000000000000001`` into ``0.1`` and a number of 25 digits into the nearest double. For columns that
could have kept every digit (numeric, bigint, jsonb, text), such an event is read once more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

_CLASSES = bytes(
    ord("0") if byte in b"0123456789." else ord("e") if byte in b"eE" else byte if byte == ord("-") else ord(" ")
    for byte in range(256)
)
_LONG = b"0" * 16
_TINY = b"0e-000"
_SAFE_DIGITS = 18
_RUNS = re.compile(rb"[-+0-9.eE]{6,}")


def inexact(raw: bytes) -> bool:
    """Whether a JSON text may hold a number that a double changes.

    A double keeps any decimal of 15 digits within its normal range, so only runs of 16 digits and points, and exponents of
    three digits below zero, need a closer look. An identifier that looks like such a number counts, too: that costs time only.
    """
    return _doubtful(raw) and not all(map(_kept, _RUNS.findall(raw)))


def any_inexact(raws: Sequence[bytes]) -> bool:
    """The same for many texts at once."""
    return _doubtful(b" ".join(raws)) and any(map(inexact, raws))


def _doubtful(raw: bytes) -> bool:
    marked = raw.translate(_CLASSES)
    return _LONG in marked or _TINY in marked


def _kept(run: bytes) -> bool:
    """Whether parsing keeps a run of characters that numbers are made of; most of those that are none are no number."""
    text = run.decode()
    if text.isdigit() and len(text) <= _SAFE_DIGITS:
        return True
    try:
        return Decimal(text) == Decimal(repr(float(text)))
    except (ValueError, InvalidOperation):
        return True


class Unreadable(Exception):
    """A JSON text cannot be read exactly: it is nested too deeply, or no JSON after all."""


def read_exactly(raw: bytes) -> Any:
    """Parse JSON with every fraction, and every integer beyond 18 digits, as a `Decimal`; raises `Unreadable`."""
    try:
        return json.loads(raw, parse_float=Decimal, parse_int=_whole, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Unreadable(str(error)) from error


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= _SAFE_DIGITS else Decimal(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
