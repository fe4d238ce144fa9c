"""The transformations of a FieldMapping, a whole column at a time (`reconciler.kinds.parts.transform` says what each does)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from reconciler.jobs.records.coercion import Problem
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.dates import times_of
from reconciler.kinds.parts.transform import Transformation

if TYPE_CHECKING:
    import polars as pl

_E164: Final = r"^\+[1-9]\d{6,14}$"
"""ITU-T E.164: up to 15 digits behind the plus, country code first; fewer than 7 are no subscriber's number anywhere."""


def transform(column: Column, values: pl.Series) -> tuple[pl.Series, list[Problem]]:
    """Apply the column's transformation: (values, null where it fails; what it fails on)."""
    import polars as pl

    wanted = column.transformation
    if wanted is None:
        return values, []
    if wanted.name == "date" and (values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime)):
        return values, []
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        values = times_of(values)
    texts = values if values.dtype == pl.String else values.cast(pl.String, strict=False)
    made = _MAKERS[wanted.name](wanted, texts)
    if wanted.name not in _REASONS:
        return made, []
    wrong = made.is_null() & texts.is_not_null() & (texts.str.strip_chars() != "")
    reason = _REASONS[wanted.name].format(wanted.argument)
    return made, [Problem(column, reason, wrong.fill_null(value=False))] if wrong.any() else []


def _constant(wanted: Transformation, texts: pl.Series) -> pl.Series:
    import polars as pl

    return pl.repeat(wanted.argument, len(texts), dtype=pl.String, eager=True)


def _default(wanted: Transformation, texts: pl.Series) -> pl.Series:
    import polars as pl

    nothing = texts.is_null() | (texts.str.strip_chars() == "")
    return pl.select(pl.when(nothing).then(pl.lit(wanted.argument)).otherwise(texts)).to_series()


def _split(wanted: Transformation, texts: pl.Series) -> pl.Series:
    return texts.str.split(wanted.argument).list.get(wanted.index, null_on_oob=True)


def _e164(_wanted: Transformation, texts: pl.Series) -> pl.Series:
    import polars as pl

    digits = texts.str.replace_all(r"[\s().\-/]", "").str.replace(r"^00", "+")
    return pl.select(pl.when(digits.str.contains(_E164)).then(digits)).to_series()


_PATTERNS: Final = {
    "Y": r"\d{4}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "H": r"([01]\d|2[0-3])",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
}
"""Directives that Polars reads, once the text is known to have this form; all others are read by Python's own strptime."""


def _date(wanted: Transformation, texts: pl.Series) -> pl.Series:
    """Read dates by a format, as ISO 8601."""
    texts = texts.str.strip_chars()
    pattern = _pattern(wanted.argument)
    if pattern is None:
        return _each_once(wanted.argument, texts)
    fits = texts.str.contains(pattern)
    if not fits.all():
        # Digits that are left out (3.1.2026) are for strptime to judge; there are few such columns.
        return _each_once(wanted.argument, texts)
    return times_of(texts.str.to_datetime(wanted.argument, time_unit="us", strict=False))


def _pattern(form: str) -> str | None:
    """What texts of a format look like; None where it has other directives, or not a whole date."""
    parts = re.split(r"%(.)", form)
    if sorted(set(parts[1::2]) & {"Y", "m", "d"}) != ["Y", "d", "m"] or len(set(parts[1::2])) != len(parts[1::2]):
        return None
    if not set(parts[1::2]) <= _PATTERNS.keys() or ("H" not in parts[1::2]) != ("M" not in parts[1::2]):
        return None
    if "S" in parts[1::2] and "H" not in parts[1::2]:
        return None
    made = "".join(re.escape(part) if number % 2 == 0 else _PATTERNS[part] for number, part in enumerate(parts))
    return f"^{made}$"


def _each_once(form: str, texts: pl.Series) -> pl.Series:
    """Read by strptime, every text that occurs once: a column of dates has few."""
    import polars as pl

    known = texts.drop_nulls().unique(maintain_order=True)
    read = pl.Series([_strptime(text, form) for text in known], dtype=pl.String)
    return texts.replace_strict(known, read, default=None, return_dtype=pl.String)


def _strptime(text: str, form: str) -> str | None:
    try:
        moment = datetime.strptime(text, form)  # noqa: DTZ007 - without a zone it is UTC, as everywhere here
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


_MAKERS: Final[dict[str, Callable[[Transformation, pl.Series], pl.Series]]] = {
    "lowercase": lambda _, texts: texts.str.to_lowercase(),
    "uppercase": lambda _, texts: texts.str.to_uppercase(),
    "trim": lambda _, texts: texts.str.strip_chars(),
    "e164": _e164,
    "date": _date,
    "constant": _constant,
    "split": _split,
    "default": _default,
}
_REASONS: Final = {"e164": "is no international phone number (E.164)", "date": "is no date of the form {}"}
