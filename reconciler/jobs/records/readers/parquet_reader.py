"""Parquet, a slice of rows at a time. Values keep the file's own types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers.chunk import Chunk, Position
from reconciler.jobs.records.readers.files import SourceFile

if TYPE_CHECKING:
    import polars as pl

ROWS: Final = 50_000
"""Rows of a chunk."""


class ParquetReader:
    """Reads Parquet files."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[str] | None = None) -> None:
        self._files = files
        self._columns = columns
        self._done = 0

    @property
    def bytes_done(self) -> int:
        """Bytes read so far, judged by rows."""
        return self._done

    def schema(self, file: SourceFile) -> dict[str, pl.DataType]:
        """A file's columns with their types. Raises `SourceUnusable`."""
        import polars as pl

        try:
            return dict(pl.read_parquet_schema(file.path))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(file, error) from error

    def chunks(self, start: Position) -> Iterator[Chunk]:
        """Give the chunks from a position on."""
        before = sum(file.size for file in self._files[: start.file])
        for number in range(start.file, len(self._files)):
            file = self._files[number]
            row = start.row if number == start.file else 0
            for frame, height in self._slices(file, row):
                self._done = before + int(file.size * (row + frame.height) / max(height, 1))
                yield _chunk(file, number, row, frame)
                row += frame.height
            before += file.size

    def _slices(self, file: SourceFile, row: int) -> Iterator[tuple[pl.DataFrame, int]]:
        """Give the rows from ``row`` on, part by part, each with the number of rows in the file."""
        import polars as pl

        try:
            scan = pl.scan_parquet(file.path, glob=False, low_memory=True)
            height = scan.select(pl.len()).collect().item()
            if self._columns is not None:
                scan = scan.select([name for name in self._columns if name in scan.collect_schema()])
            while row < height:
                frame = scan.slice(row, ROWS).collect(engine="streaming")
                if frame.height != min(ROWS, height - row):
                    raise SourceUnusable(f"{file.name} ends after {row + frame.height} of its {height} rows")
                yield frame, height
                row += frame.height
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _unreadable(file, error) from error


def _chunk(file: SourceFile, number: int, row: int, frame: pl.DataFrame) -> Chunk:
    import polars as pl

    end = row + frame.height
    return Chunk(
        file.name,
        Position(number, row, row),
        Position(number, end, end),
        frame,
        pl.int_range(row + 1, end + 1, dtype=pl.UInt64, eager=True),
        lambda index: plain(frame.row(index, named=True)),
    )


def plain(value: Any) -> Any:
    """A value of Parquet as JSON can say it: dates as ISO 8601, bytes as text, decimals as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0.0:
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _unreadable(file: SourceFile, error: Exception) -> SourceUnusable:
    reason = str(error).partition("\n")[0]
    return SourceUnusable(
        f"{file.name} cannot be read as Parquet: {reason}", fix="check the file; what was read is kept"
    )
