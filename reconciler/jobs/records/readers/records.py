"""Records that were parsed one by one, as columns of text: the way for everything that is not regular enough for Polars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from reconciler.jobs.records.readers.chunk import BadRecord
from reconciler.jobs.records.readers.json_values import dumps

if TYPE_CHECKING:
    import polars as pl


def to_columns(
    records: Sequence[Any], rows: Sequence[int], columns: Sequence[str], file: str
) -> tuple[pl.DataFrame, list[int], list[BadRecord]]:
    """The wanted columns of parsed JSON values: (as text, indexes of the records in them, records that are none).

    Numbers and booleans become their JSON text, what is absent is null; a record is bad where it is no object or where a wanted
    column holds an object or array.
    """
    import polars as pl

    bad: list[BadRecord] = []
    kept: list[int] = []
    for index, record in enumerate(records):
        column = _nested(record, columns) if isinstance(record, dict) else None
        if column is None and isinstance(record, dict):
            kept.append(index)
            continue
        reason = "is no JSON object" if column is None else "is an object or array, which no column takes"
        bad.append(BadRecord(rows[index], reason, column or "", record, file=file))
    good = records if len(kept) == len(records) else [records[index] for index in kept]
    frame = pl.DataFrame([_texts(name, [record.get(name) for record in good]) for name in columns])
    return frame, kept, bad


def _nested(record: dict[str, Any], columns: Sequence[str]) -> str | None:
    """The first wanted column that holds no scalar."""
    for name in columns:
        if isinstance(record.get(name), (dict, list)):
            return name
    return None


def _texts(name: str, values: list[Any]) -> pl.Series:
    import polars as pl

    if all(value is None or type(value) is str for value in values):
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, scalar_texts(values), dtype=pl.String)


def scalar_texts(values: Sequence[Any]) -> list[str | None]:
    """JSON scalars as text: numbers as Polars' own JSON reader writes them, so that both ways give the same."""
    import polars as pl

    places = [index for index, value in enumerate(values) if type(value) is float]
    texts = [value if value is None or type(value) is str else dumps(value).decode() for value in values]
    if places:
        lines = b"".join(b'{"v":%s}\n' % orjson.dumps(values[index]) for index in places)
        for index, text in zip(places, pl.read_ndjson(lines, schema={"v": pl.String})["v"], strict=True):
            texts[index] = text
    return texts
