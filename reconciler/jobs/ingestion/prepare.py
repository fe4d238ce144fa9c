"""A chunk, made ready to be sent, and where each of its good records stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.jobs.records.checking import check
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk

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

    checked = check(chunk, columns)
    places = pl.int_range(chunk.frame.height, dtype=pl.UInt32, eager=True)
    if checked.refused is not None:
        places = places.filter(~checked.refused)
    return Prepared(chunk, checked.frame, places, checked.bad)
