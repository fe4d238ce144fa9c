"""What readers give: a part of a source as columns, the records in it that are none, and where to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import polars as pl


class Position(NamedTuple):
    """Where a chunk begins: number of the file, bytes (rows, for Parquet) into its content, records of it read before."""

    file: int = 0
    offset: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Something in the source that is no record, or that the tenant could not be sent.

    ``row`` counts the records of a file from 1. ``record`` is what was read, as JSON values, or None where only ``raw`` text
    can be shown. ``column`` is the source's, empty where the record as a whole is meant.
    """

    row: int
    reason: str
    column: str = ""
    record: Any = None
    raw: str | None = None
    file: str = ""


@dataclass(slots=True)
class Chunk:
    """A part of one file.

    ``frame`` holds the good records in the source's columns, as text or, from Parquet, in the file's own types; ``rows`` their
    row numbers. ``original(i)`` is the i-th of them as it stands in the source. ``begin`` is where this chunk can be read again,
    ``end`` where the next one begins. ``origins`` are the file and row that each record had when it was first read, in a replay.
    """

    file: str
    begin: Position
    end: Position
    frame: pl.DataFrame
    rows: pl.Series
    original: Callable[[int], Any]
    bad: list[BadRecord] = field(default_factory=list)
    origins: list[tuple[str, int]] | None = None

    @property
    def records(self) -> int:
        """How many records it holds, good and bad."""
        return self.frame.height + len(self.bad)

    def origin(self, index: int) -> tuple[str, int]:
        """The file and the row that the i-th good record came from."""
        return self.origins[index] if self.origins is not None else (self.file, int(self.rows[index]))


class Reader(Protocol):
    """Reads one source from beginning to end."""

    def chunks(self, start: Position) -> Iterator[Chunk]:
        """Give the chunks from a position on. Raises `SourceUnusable` where nothing more can be read."""

    @property
    def bytes_done(self) -> int:
        """Bytes of the files read so far, as they lie on the disk."""
