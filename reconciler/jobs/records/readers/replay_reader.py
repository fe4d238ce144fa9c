"""A quarantine file as a source: its records, corrected by somebody, with the file and row that they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk, Position
from reconciler.jobs.records.readers.files import Blocks, SourceFile, opened
from reconciler.jobs.records.readers.json_values import loads
from reconciler.jobs.records.readers.lines import MAX_RECORD_BYTES, blocks_of, last_line
from reconciler.jobs.records.readers.records import to_columns

_CONTENT: Final = frozenset({"record", "raw"})
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_LINE: Final = 8 * MAX_RECORD_BYTES
_WHAT_REPLAYS: Final = "give --replay the file that a run named as its quarantine, with its records corrected in place"


class ReplayReader:
    """Reads the ``record`` of each line of a quarantine file."""

    def __init__(self, file: SourceFile, columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns
        self._stream: Blocks | None = None

    @property
    def bytes_done(self) -> int:
        """Bytes read so far."""
        return self._stream.consumed() if self._stream is not None else 0

    def chunks(self, start: Position) -> Iterator[Chunk]:
        """Give the chunks from a position on."""
        row = start.row
        with opened(self._file, start.offset) as self._stream:
            for at, data in blocks_of(self._stream, self._file.name, start.offset, last_line):
                chunk = self._chunk(data, at, row)
                yield chunk
                row = chunk.end.row

    def _chunk(self, data: bytes, at: int, row: int) -> Chunk:
        import polars as pl

        records: list[Any] = []
        rows: list[int] = []
        origins: dict[int, tuple[str, int]] = {}
        bad: list[BadRecord] = []
        begin = row
        for line in (data.removeprefix(_BOM) if at == 0 else data).split(b"\n"):
            if not line.strip():
                continue
            row += 1
            entry = _entry(line)
            origins[row] = _origin(entry, self._file.name, row)
            if "record" in entry and entry["record"] is not None:
                records.append(entry["record"])
                rows.append(row)
            else:
                file, number = origins[row]
                raw = str(entry.get("raw") or line.decode("utf-8", "replace"))
                bad.append(BadRecord(number, _why(entry), raw=raw, file=file))
        frame, kept, wrong = to_columns(records, rows, self._columns, self._file.name)
        for item in wrong:
            file, number = origins[item.row]
            bad.append(BadRecord(number, item.reason, item.column, item.record, item.raw, file))
        return Chunk(
            self._file.name,
            Position(0, at, begin),
            Position(0, at + len(data), row),
            frame,
            pl.Series([rows[index] for index in kept], dtype=pl.UInt64),
            lambda index: records[kept[index]],
            bad,
            [origins[rows[index]] for index in kept],
        )


def holds_rejects(path: Path) -> bool:
    """Whether a run can have written a file, or left it empty. Raises OSError."""
    with path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            if line.removeprefix(_BOM).strip():
                return not _entry(line.removeprefix(_BOM)).keys().isdisjoint(_CONTENT)
    return True


def require_quarantine(file: SourceFile) -> None:
    """Look at the first line of a file that is to be replayed. Raises `SourceUnusable` where no run can have written it."""
    with opened(file) as stream:
        _, data = next(blocks_of(stream, file.name, 0, last_line), (0, b""))
    first = next((line for line in data.removeprefix(_BOM).split(b"\n") if line.strip()), None)
    if first is None:
        raise SourceUnusable(f"{file.name} has no records", fix=_WHAT_REPLAYS)
    if _entry(first).keys().isdisjoint(_CONTENT):
        raise SourceUnusable(
            f"{file.name} is no quarantine file: its first line is no object with record or raw", fix=_WHAT_REPLAYS
        )


def _why(entry: dict[str, Any]) -> str:
    """Why a line has no record to send."""
    if entry.keys().isdisjoint(_CONTENT):
        return "is no line of a quarantine file"
    first = entry.get("reason")
    return "has no record yet: write one in place of null" + (f" ({first})" if isinstance(first, str) and first else "")


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = loads(line)
    except orjson.JSONDecodeError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _origin(entry: dict[str, Any], file: str, row: int) -> tuple[str, int]:
    first, number = entry.get("file"), entry.get("row")
    return (first, number) if isinstance(first, str) and type(number) is int else (file, row)
