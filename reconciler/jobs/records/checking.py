"""From a chunk of the source to columns of the right types: transformed, coerced, checked, a whole column at a time.

What breaks a rule costs its own record only, which is taken out with every reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.jobs.records.coercion import Problem, coerce, readable
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk
from reconciler.jobs.records.transformations import transform

if TYPE_CHECKING:
    import polars as pl

Adjust = Callable[[Column, "pl.Series"], "pl.Series"]
"""What a job does to a column's values between their transformation and their coercion."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a chunk. ``frame`` holds the records that pass, in the columns' types, ``bad`` all others, by row.

    ``refused`` says which records of the chunk's frame do not pass; None where all of them do.
    """

    frame: pl.DataFrame
    refused: pl.Series | None
    bad: list[BadRecord]


def check(chunk: Chunk, columns: Sequence[Column], adjust: Adjust | None = None) -> Checked:
    """Check a chunk's records against the columns."""
    import polars as pl

    made: list[pl.Series] = []
    problems: list[Problem] = []
    for column in columns:
        values, wrong = readable(column, _source(chunk.frame, column))
        problems += wrong
        values, wrong = transform(column, values)
        problems += wrong
        if adjust is not None:
            values = adjust(column, values)
        values, wrong = coerce(column, values)
        problems += wrong
        made.append(values.alias(column.name))
    frame = pl.DataFrame(made)
    if not problems:
        return Checked(frame, None, sorted(chunk.bad, key=_row))
    refused = problems[0].rows
    for problem in problems[1:]:
        refused = refused | problem.rows
    bad = [*chunk.bad, *_set_aside(chunk, problems, refused)]
    return Checked(frame.filter(~refused), refused, sorted(bad, key=_row))


def _row(record: BadRecord) -> int:
    return record.row


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
