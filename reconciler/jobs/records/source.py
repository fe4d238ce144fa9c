"""What is read, and as which columns: files and headers looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.columns import Column, ColumnType, present, wanted
from reconciler.jobs.records.readers.chunk import Position, Reader
from reconciler.jobs.records.readers.csv_reader import CsvReader
from reconciler.jobs.records.readers.files import SourceFile, find_files
from reconciler.jobs.records.readers.json_reader import JsonReader
from reconciler.jobs.records.readers.ndjson_reader import NdjsonReader
from reconciler.jobs.records.readers.parquet_reader import ParquetReader
from reconciler.jobs.records.readers.replay_reader import ReplayReader, require_quarantine

if TYPE_CHECKING:
    import polars as pl

SAMPLE: int = 1000
"""Records of a JSON source that are looked at for columns that the dataset does not have."""


@dataclass(frozen=True, slots=True)
class Source:
    """The files, the columns that each of them fills, and how to begin reading. ``ignored`` are columns that go nowhere."""

    files: Sequence[SourceFile]
    form: str
    columns: Sequence[Sequence[Column]]
    ignored: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.size for file in self.files)

    def reader(self) -> Reader:
        """A reader from the beginning."""
        columns = wanted([column for each in self.columns for column in each])
        if self.form == "csv":
            return CsvReader(self.files)
        if self.form == "parquet":
            return ParquetReader(self.files, columns)
        if self.form == "replay":
            return ReplayReader(self.files[0], columns)
        return JsonReader(self.files, columns) if self.form == "json" else NdjsonReader(self.files, columns)


def look_at(root: Path, path: str, form: str, columns: Sequence[Column], *, mapped: bool, infer: bool) -> Source:
    """Find the files and hold their headers against the columns. Raises `SourceUnusable`.

    ``mapped``: a FieldMapping names the source's columns, so that a missing one is a mistake. ``infer``: columns that the
    dataset does not have are sent as well.
    """
    files = find_files(root, path)
    if form not in ("csv", "parquet"):
        more = _strangers(files, form, columns) if infer and not mapped else []
        return Source(files, form, [[*columns, *more]] * len(files))
    made: list[list[Column]] = []
    ignored: dict[str, None] = {}
    for file in files:
        schema = _header(file, form)
        kept = present(columns, list(schema), file.name, mapped=mapped)
        others = [name for name in schema if name not in set(wanted(kept))]
        if infer and not mapped:
            kept += [Column(name, schema[name], source=name) for name in others]
        else:
            ignored |= dict.fromkeys(others)
        made.append(kept)
    return Source(files, form, made, list(ignored))


def replayed(file: Path, columns: Sequence[Column]) -> Source:
    """A quarantine file as the source. Raises `SourceUnusable` for any other file."""
    found = [replace(item, name=file.name) for item in find_files(file.parent, file.name)]
    require_quarantine(found[0])
    return Source(found, "replay", [list(columns)])


def need_columns(source: Source, names: Sequence[str]) -> None:
    """Raise `SourceUnusable` where a file does not fill the columns that make the key."""
    for file, columns in zip(source.files, source.columns, strict=True):
        missing = [name for name in names if name not in {column.name for column in columns}]
        if missing:
            raise SourceUnusable(
                f"{file.name} has nothing for {missing[0]}, which is part of the key", fix="map a column to it"
            )


def _header(file: SourceFile, form: str) -> dict[str, ColumnType]:
    """The columns of a file with the type that their values have in it."""
    if form == "csv":
        return dict.fromkeys(CsvReader([file]).header(file), "string")
    return {name: _type_of(dtype) for name, dtype in ParquetReader([file]).schema(file).items()}


def _type_of(dtype: pl.DataType) -> ColumnType:
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "date"
    return "boolean" if str(dtype) == "Boolean" else "string"


def _strangers(files: Sequence[SourceFile], form: str, columns: Sequence[Column]) -> list[Column]:
    """Columns that the first records have beside the dataset's, with the type that all values have there."""
    known = set(wanted(columns))
    reader = JsonReader(files, []) if form == "json" else NdjsonReader(files, [])
    values: dict[str, list[Any]] = {}
    for chunk in islice(reader.chunks(Position()), 1):
        for index in range(min(SAMPLE, len(chunk.rows))):
            for name, value in chunk.original(index).items():
                if name not in known and value is not None:
                    values.setdefault(name, []).append(value)
    return [Column(name, _json_type(found), source=name) for name, found in values.items()]


def _json_type(values: Sequence[Any]) -> ColumnType:
    types = {type(value) for value in values}
    if types == {bool}:
        return "boolean"
    return "number" if types <= {int, float} else "string"
