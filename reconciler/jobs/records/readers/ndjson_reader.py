"""NDJSON: one JSON object a line, UTF-8. Polars reads blocks of plain objects, everything else is parsed line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.jobs.records.readers.chunk import BadRecord, Chunk, Position
from reconciler.jobs.records.readers.files import SourceFile
from reconciler.jobs.records.readers.json_values import loads
from reconciler.jobs.records.readers.lines import blocks_of, last_line
from reconciler.jobs.records.readers.records import to_columns
from reconciler.jobs.records.readers.streamed import StreamedReader

if TYPE_CHECKING:
    import polars as pl

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class NdjsonReader(StreamedReader):
    """Reads the wanted columns of NDJSON files."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[str]) -> None:
        super().__init__(files)
        self._columns = columns

    def _file(self, file: SourceFile, begin: Position) -> Iterator[Chunk]:
        row = begin.row
        with self._open(file, begin.offset) as stream:
            for at, data in blocks_of(stream, file.name, begin.offset, last_line):
                frame, rows, original, bad = parse_block(data, self._columns, row, file.name)
                last = row + frame.height + len(bad)
                end = Position(begin.file, at + len(data), last)
                yield Chunk(file.name, Position(begin.file, at, row), end, frame, rows, original, bad)
                row = last


def parse_block(
    data: bytes, columns: Sequence[str], row: int, file: str
) -> tuple[pl.DataFrame, pl.Series, Callable[[int], Any], list[BadRecord]]:
    """Read a block of whole lines: (good records, row numbers, how to see one as it was, bad ones)."""
    import polars as pl

    data = data.removeprefix(b"\xef\xbb\xbf") if row == 0 else data
    frame = _regular(data, columns)
    if frame is None:
        return _line_by_line(data, columns, row, file)
    lines: list[bytes] = []

    def original(index: int) -> Any:
        if not lines:
            lines.extend(data.split(b"\n"))
        return loads(lines[index])

    return frame, pl.int_range(row + 1, row + 1 + frame.height, dtype=pl.UInt64, eager=True), original, []


def _regular(data: bytes, columns: Sequence[str]) -> pl.DataFrame | None:
    """The block as Polars reads it, where every line is one flat object; None otherwise."""
    import polars as pl

    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    # Polars turns what is nested into text: a brace too many, or any bracket, and the block takes the other way.
    # It also makes NUL of half a surrogate pair.
    if data.count(b"{") != lines or b"[" in data or (b"\\" in data and _SURROGATE.search(data)):
        return None
    try:
        frame = pl.read_ndjson(data, schema=dict.fromkeys(columns, pl.String))
    except pl.exceptions.PolarsError:
        return None
    return frame if frame.height == lines else None


def _line_by_line(
    data: bytes, columns: Sequence[str], row: int, file: str
) -> tuple[pl.DataFrame, pl.Series, Callable[[int], Any], list[BadRecord]]:
    import polars as pl

    parsed: list[Any] = []
    rows: list[int] = []
    broken: list[BadRecord] = []
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        row += 1
        try:
            parsed.append(loads(line))
            rows.append(row)
        except orjson.JSONDecodeError as error:
            raw = line.decode("utf-8", "replace").rstrip("\r")
            broken.append(BadRecord(row, f"is no JSON: {error}", raw=raw, file=file))
    frame, kept, bad = to_columns(parsed, rows, columns, file)
    good = pl.Series([rows[index] for index in kept], dtype=pl.UInt64)
    return frame, good, lambda index: parsed[kept[index]], sorted([*broken, *bad], key=lambda item: item.row)
