"""Errors about records that do not fit an extension, with what they could be corrected to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from reconciler.emulator.clock import timestamp
from reconciler.emulator.columns import Column, Flaw
from reconciler.emulator.fields import Doc, Json

_MAX_TEXT = 255
_MAX_MESSAGE = 500
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def malformed(record_id: Json, flaws: Sequence[Flaw], record: Doc, columns: Mapping[str, Column]) -> Doc:
    """Make the error for one record; corrections are proposed for the fields where one can be read out of the value."""
    corrections = {
        flaw.column: proposed
        for flaw in flaws
        if (proposed := suggest(columns[flaw.column], record.get(flaw.column))) is not None
    }
    message = "; ".join(f"{flaw.column} {flaw.message}" for flaw in flaws)
    return malformed_error(record_id, message, corrections)


def malformed_error(record_id: Json, message: str, corrections: Doc) -> Doc:
    """Make an error whose size has a bound, whatever the record holds."""
    known = isinstance(record_id, str | int | float)
    shown = record_id[:_MAX_TEXT] if isinstance(record_id, str) else record_id if known else None
    return {
        "type": "MALFORMED_RECORD",
        "recordId": shown,
        "message": message[:_MAX_MESSAGE],
        "suggestedCorrections": corrections,
    }


def suggest(column: Column, value: Json) -> Json:
    """Propose a value that the column takes, None where there is none to be read out of the present one."""
    if value is None:
        return None
    proposed = _MAKERS[column.type](value)
    if isinstance(proposed, str) and column.type == "string":
        proposed = proposed[: column.max_length]
    return proposed if proposed is not None and column.wrong(proposed) is None else None


def _text(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


def _number(value: Json) -> Json:
    if not isinstance(value, str):
        return None
    try:
        number = float(value.strip())
    except ValueError:
        return None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _boolean(value: Json) -> Json:
    return _WORDS.get(str(value).strip().lower()) if isinstance(value, str | int) else None


def _date(value: Json) -> Json:
    """Read a moment; without an offset it is taken as UTC, and a number as milliseconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return timestamp(value / 1000)
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if moment is None:
            return None
        return timestamp((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, OSError):
        return None


_MAKERS: Mapping[str, Callable[[Json], Json]] = {
    "string": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
