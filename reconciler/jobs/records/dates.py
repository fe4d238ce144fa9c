"""Dates and times as text, a column at a time: ISO 8601 in, ``2026-11-03T00:00:00.000Z`` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"
_TIME: Final = (
    r"^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,9})?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?$"
)
_MADE: Final = r"^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$"
_OUT: Final = "%Y-%m-%dT%H:%M:%S%.3fZ"
_MIDNIGHT: Final = "T00:00:00.000Z"


_SAMPLE: Final = 1_000
"""How many texts tell whether a column has few different ones."""


def read_dates(texts: pl.Series) -> pl.Series:
    """Read ISO 8601 dates and times (without a zone: UTC); null for whatever is none, for years outside 1 to 9999 too."""
    import polars as pl

    if texts.null_count() == len(texts):
        return texts
    sample = texts.head(_SAMPLE)
    if 2 * sample.n_unique() > len(sample):
        return _read(texts)
    known = texts.drop_nulls().unique()
    made = _read(known)
    return texts if made.equals(known) else texts.replace_strict(known, made, default=None, return_dtype=pl.String)


def _read(texts: pl.Series) -> pl.Series:
    """Read every text, however often it occurs."""
    import polars as pl

    plain = texts.str.contains(_DATE)
    if plain.all():
        return _dates(texts, plain)
    # What is written already as it is sent only needs to exist.
    made = texts.str.contains(_MADE) & texts.str.to_datetime(_OUT, time_unit="ms", strict=False).is_not_null()
    made = made & ~texts.str.starts_with("0000")
    if made.all():
        return texts
    texts = texts.str.strip_chars()
    return pl.select(
        pl.when(made).then(texts).otherwise(pl.coalesce(_dates(texts, texts.str.contains(_DATE)), _times(texts)))
    ).to_series()


def _dates(texts: pl.Series, plain: pl.Series) -> pl.Series:
    """Those that are dates alone, as midnight."""
    import polars as pl

    exists = texts.str.to_date("%Y-%m-%d", strict=False).is_not_null() & ~texts.str.starts_with("0000")
    return pl.select(pl.when(plain & exists).then(texts + _MIDNIGHT)).to_series()


def _times(texts: pl.Series) -> pl.Series:
    """Those that have a time of day, in UTC."""
    import polars as pl

    groups = pl.DataFrame({"text": texts.str.extract_groups(_TIME)}).unnest("text")
    joined = pl.concat_str(
        pl.col("1"),
        pl.lit("T"),
        pl.col("2"),
        pl.lit(":"),
        pl.col("3"),
        pl.lit(":"),
        pl.col("4").fill_null("00"),
        pl.col("5").fill_null(""),
        pl.when(pl.col("6").fill_null("Z") == "Z").then(pl.lit("+0000")).otherwise(pl.col("6").str.replace(":", "")),
    )
    parsed = groups.select(
        joined.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", time_zone="UTC", strict=False)
    ).to_series()
    return _written(parsed)


def times_of(values: pl.Series) -> pl.Series:
    """Write a column of dates or datetimes (without a zone: UTC) as text."""
    import polars as pl

    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone not in (None, "UTC"):
        values = values.dt.convert_time_zone("UTC")
    return _written(values.cast(pl.Datetime("us")))


def _written(times: pl.Series) -> pl.Series:
    import polars as pl

    inside = times.dt.year().is_between(1, 9999)
    return pl.select(pl.when(inside).then(times.dt.strftime(_OUT))).to_series()
