"""From a chunk of the source to records that the extension takes, a whole column at a time.

What the mapping's transformations make of a value is trimmed (strings), read as the field's type, and held against its limit;
`reconciler.jobs.records.coercion` has the rules. What breaks one costs its own record only, which is set aside with every
reason; nothing is cut, guessed or made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from reconciler.jobs.records.coercion import Problem, coerce, readable
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk
from reconciler.jobs.records.transformations import transform

if TYPE_CHECKING:
    import polars as pl

NullHandling = Literal["SET_NULL", "SKIP", "DEFAULT"]

_SLICE: Final = 2_000
"""Records that are objects at the same time."""

_DEFAULTS: Final[Mapping[str, Any]] = {"string": "", "number": 0, "boolean": False}
"""What stands for no value under ``DEFAULT``. A date has no such thing and stays null."""


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a chunk's records became: those that pass, and those that are set aside; both in the source's order."""

    frame: pl.DataFrame
    bad: list[BadRecord]
    nulls: NullHandling

    def texts(self) -> Iterator[bytes]:
        """The records that pass as JSON, made a few at a time: as objects they take many times their bytes."""
        for part in self.frame.iter_slices(_SLICE):
            for record in part.to_dicts():
                if self.nulls == "SKIP":
                    yield orjson.dumps({name: value for name, value in record.items() if value is not None})
                else:
                    yield orjson.dumps(record)


def transformed(chunk: Chunk, columns: Sequence[Column], nulls: NullHandling) -> Transformed:
    """Transform and check a chunk's records."""
    frame, bad = _checked(chunk, columns)
    if nulls == "DEFAULT":
        frame = frame.with_columns(
            frame[column.name].fill_null(_DEFAULTS[column.type]) for column in columns if column.type in _DEFAULTS
        )
    return Transformed(frame, bad, nulls)


def _checked(chunk: Chunk, columns: Sequence[Column]) -> tuple[pl.DataFrame, list[BadRecord]]:
    import polars as pl

    made: list[pl.Series] = []
    problems: list[Problem] = []
    for column in columns:
        values, wrong = readable(column, _source(chunk.frame, column))
        problems += wrong
        values, wrong = transform(column, values)
        problems += wrong
        if column.type == "string" and values.dtype == pl.String:
            values = values.str.strip_chars()
        values, wrong = coerce(column, values)
        problems += wrong
        made.append(values.alias(column.name))
    frame = pl.DataFrame(made)
    bad = list(chunk.bad)
    if problems:
        refused = problems[0].rows
        for problem in problems[1:]:
            refused = refused | problem.rows
        bad += _set_aside(chunk, problems, refused)
        frame = frame.filter(~refused)
    return frame, sorted(bad, key=lambda item: item.row)


def _source(frame: pl.DataFrame, column: Column) -> pl.Series:
    import polars as pl

    if column.source is None or column.source not in frame.columns:
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    return frame[column.source]


def _set_aside(chunk: Chunk, problems: Sequence[Problem], refused: pl.Series) -> list[BadRecord]:
    """The refused records, each with the first thing that is wrong with each of its columns."""
    reasons: dict[int, dict[str, str]] = {int(index): {} for index in refused.arg_true()}
    for problem in problems:
        for index in problem.rows.arg_true():
            reasons[int(index)].setdefault(problem.column.name, problem.reason)
    found = []
    for index, wrong in reasons.items():
        file, row = chunk.origin(index)
        reason = "; ".join(f"{name} {text}" for name, text in wrong.items())
        found.append(BadRecord(row, reason, next(iter(wrong)), chunk.original(index), file=file))
    return found
