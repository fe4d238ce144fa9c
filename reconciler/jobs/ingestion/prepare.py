"""A chunk, made ready: transformed, coerced, checked; what breaks a rule is taken out, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.jobs.records.coercion import Problem, coerce, readable
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk
from reconciler.jobs.records.transformations import transform

if TYPE_CHECKING:
    import polars as pl


@dataclass(slots=True)
class Prepared:
    """What of a chunk can be sent, in the dataset's columns and types, and what cannot.

    ``places`` are the indexes of the good records in the chunk's frame; ``left_out`` counts records that are neither sent nor
    wrong: later ones with a key that was there already, where the manifest says so.
    """

    chunk: Chunk
    frame: pl.DataFrame
    places: pl.Series
    bad: list[BadRecord]
    left_out: int = 0

    def source(self, index: int, reason: str, column: str = "") -> BadRecord:
        """The i-th good record as one that is refused after all."""
        place = int(self.places[index])
        file, row = self.chunk.origin(place)
        return BadRecord(row, reason, column, self.chunk.original(place), file=file)


def prepare(chunk: Chunk, columns: Sequence[Column]) -> Prepared:
    """Check a chunk's records against the columns."""
    import polars as pl

    made: list[pl.Series] = []
    problems: list[Problem] = []
    for column in columns:
        values, wrong = readable(column, _source(chunk.frame, column))
        problems += wrong
        values, wrong = transform(column, values)
        problems += wrong
        values, wrong = coerce(column, values)
        problems += wrong
        made.append(values.alias(column.name))
    frame = pl.DataFrame(made)
    places = pl.int_range(chunk.frame.height, dtype=pl.UInt32, eager=True)
    bad = list(chunk.bad)
    if problems:
        refused = problems[0].rows
        for problem in problems[1:]:
            refused = refused | problem.rows
        bad += _refused(chunk, problems, refused)
        frame, places = frame.filter(~refused), places.filter(~refused)
    return Prepared(chunk, frame, places, sorted(bad, key=lambda item: item.row))


def _source(frame: pl.DataFrame, column: Column) -> pl.Series:
    import polars as pl

    if column.source is None or column.source not in frame.columns:
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    return frame[column.source]


def _refused(chunk: Chunk, problems: Sequence[Problem], refused: pl.Series) -> list[BadRecord]:
    """The refused records, each with all that is wrong with it: of each column the first thing."""
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
