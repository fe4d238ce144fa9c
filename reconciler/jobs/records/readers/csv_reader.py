"""CSV (RFC 4180): comma, quotes doubled inside quotes, a header line, UTF-8. An empty field is no value, quoted or not.

Polars reads what is regular, a block at a time. It fills short lines up and forgets the lines' ends inside quotes, so each of
its answers is held against the bytes: as many separators and line ends as its fields explain. Whatever does not add up is read
again, line by line, by the standard library's reader, and what is no record there is set aside with its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk, Position
from reconciler.jobs.records.readers.files import Blocks, SourceFile, opened
from reconciler.jobs.records.readers.lines import MAX_RECORD_BYTES, blocks_of, last_unquoted_line
from reconciler.jobs.records.readers.streamed import StreamedReader

if TYPE_CHECKING:
    import polars as pl

_BOM: Final = b"\xef\xbb\xbf"
_HEADER_BYTES: Final = 256 * 1024
"""Within how many bytes the header ends."""


class CsvReader(StreamedReader):
    """Reads CSV files that all have their own header."""

    def header(self, file: SourceFile) -> list[str]:
        """The names of a file's columns. Raises `SourceUnusable` for none, for one twice, and for other encodings."""
        with opened(file) as stream:
            return self._header(stream, file)[0]

    def _file(self, file: SourceFile, begin: Position) -> Iterator[Chunk]:
        with opened(file) as stream:
            names, size = self._header(stream, file)
        offset, row = max(begin.offset, size), begin.row
        with self._open(file, offset) as stream:
            for at, data in blocks_of(stream, file.name, offset, last_unquoted_line):
                end = at + len(data)
                frame, rows, bad = parse_block(data, names, row, file.name)
                last = row + frame.height + len(bad)
                yield Chunk(
                    file.name,
                    Position(begin.file, at, row),
                    Position(begin.file, end, last),
                    frame,
                    rows,
                    partial(_row, frame),
                    bad,
                )
                row = last

    def _header(self, stream: Blocks, file: SourceFile) -> tuple[list[str], int]:
        """The column names and how many bytes of the file they take."""
        data = stream.read(_HEADER_BYTES)
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SourceUnusable(f"{file.name} is UTF-16", fix="write it as UTF-8")
        skip = len(_BOM) if data.startswith(_BOM) else 0
        end = skip
        while (newline := data.find(b"\n", end)) >= 0 and data.count(b'"', skip, newline) % 2:
            end = newline + 1
        end = newline + 1 if newline >= 0 else len(data)
        if data.count(b"\r", skip, end) != data.count(b"\r\n", skip, end):
            raise SourceUnusable(
                f"{file.name}: its first line has a carriage return without a line feed",
                fix="write it with line feeds at the ends of lines",
            )
        try:
            names = next(csv.reader(io.StringIO(data[skip:end].decode("utf-8"), newline=""), strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceUnusable(
                f"{file.name}: its first line is no header: {error}", fix="write it as UTF-8"
            ) from error
        twice = sorted({name for name in names if names.count(name) > 1})
        if not any(names) or twice or "" in names:
            why = (
                f"names the column {twice[0]!r} twice"
                if twice
                else "leaves columns without a name"
                if names
                else "is empty"
            )
            raise SourceUnusable(f"{file.name}: its first line {why}", fix="the first line names every column once")
        return names, end


def _row(frame: pl.DataFrame, index: int) -> dict[str, str | None]:
    return frame.row(index, named=True)


def parse_block(
    data: bytes, names: Sequence[str], row: int, file: str
) -> tuple[pl.DataFrame, pl.Series, list[BadRecord]]:
    """Read a block of whole lines: (good records, their row numbers, bad ones); ``row`` is the number of records before it."""
    import polars as pl

    frame = _regular(data, names)
    if frame is not None:
        return frame, pl.int_range(row + 1, row + 1 + frame.height, dtype=pl.UInt64, eager=True), []
    return _mostly_regular(data, names, row, file) or _line_by_line(data, names, row, file)


def _mostly_regular(
    data: bytes, names: Sequence[str], row: int, file: str
) -> tuple[pl.DataFrame, pl.Series, list[BadRecord]] | None:
    """The lines that are right as Polars reads them, without making objects of all the others; None where quotes take part."""
    import polars as pl

    if b'"' in data:
        return None
    separators = len(names) - 1
    good: list[bytes] = []
    rows: list[int] = []
    bad: list[BadRecord] = []
    for line in data.split(b"\n"):
        if line in (b"", b"\r"):
            continue
        row += 1
        if line.count(b",") == separators and (line.isascii() or _decodable(line)):
            good.append(line)
            rows.append(row)
        else:
            shown = line.decode("utf-8", "replace").removesuffix("\r")
            fields = line.count(b",") + 1
            bad.append(BadRecord(row, _of_length(fields, len(names)) or "is not UTF-8", raw=shown, file=file))
    frame = _regular(b"\n".join(good), names) if good else pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return None if frame is None else (frame, pl.Series(rows, dtype=pl.UInt64), bad)


def _decodable(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _of_length(fields: int, expected: int) -> str:
    return "" if fields == expected else f"has {fields} fields where the header has {expected}"


def _regular(data: bytes, names: Sequence[str]) -> pl.DataFrame | None:
    """The block as Polars reads it, where that is surely all there is in it; None otherwise."""
    import polars as pl

    # A lone carriage return, and an empty line in a table of one column, mean different things to different readers.
    lone = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
    # With an odd number of them, a quote stays open to the end.
    if lone or len(names) == 1 or data.count(b'"') % 2:
        return None
    schema = dict.fromkeys(names, pl.String)
    try:
        frame = pl.read_csv(data, has_header=False, schema=schema)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        return None
    separators, lines = data.count(b","), data.count(b"\n") + (not data.endswith(b"\n"))
    if b'"' in data:
        inside = _inside_quotes(frame)
        if inside is None:
            return None
        separators, lines = separators - inside[0], lines - inside[1]
        if b'""' in data:
            frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    if lines != frame.height or separators != frame.height * (len(names) - 1):
        return None
    return frame


def _inside_quotes(frame: pl.DataFrame) -> tuple[int, int] | None:
    """How many separators and line ends are part of values; None where a value has quotes of its own."""
    import polars as pl

    found = frame.select(
        quotes=pl.sum_horizontal(pl.all().str.contains('"', literal=True).sum()),
        commas=pl.sum_horizontal(pl.all().str.count_matches(",", literal=True).sum()),
        lines=pl.sum_horizontal(pl.all().str.count_matches("\n", literal=True).sum()),
    ).row(0)
    return None if found[0] else (int(found[1]), int(found[2]))


def _line_by_line(
    data: bytes, names: Sequence[str], row: int, file: str
) -> tuple[pl.DataFrame, pl.Series, list[BadRecord]]:
    import polars as pl

    good: list[list[str]] = []
    rows: list[int] = []
    bad: list[BadRecord] = []
    for fields, raw in _records(data):
        row += 1
        reason = _wrong(fields, names)
        if reason or fields is None:
            bad.append(BadRecord(row, reason, raw=raw, file=file))
        else:
            good.append(fields)
            rows.append(row)
    columns = zip(*good, strict=True) if good else ([] for _ in names)
    frame = pl.DataFrame(
        [pl.Series(name, list(values), dtype=pl.String) for name, values in zip(names, columns, strict=True)]
    )
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all())), pl.Series(rows, dtype=pl.UInt64), bad


def _records(data: bytes) -> Iterator[tuple[list[str] | None, str]]:
    """Records with the text that they were read from, None for one that cannot be read at all; empty lines are none."""
    csv.field_size_limit(MAX_RECORD_BYTES * 2)
    lines = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="\n")
    taken: list[str] = []

    def taking() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(taking(), strict=True)
    while True:
        fields: list[str] | None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields, reader = None, csv.reader(taking(), strict=True)
        raw = "".join(taken).rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        taken.clear()
        if fields or fields is None:
            yield fields, raw


def _wrong(fields: Sequence[str] | None, names: Sequence[str]) -> str:
    """Why a line is no record; empty where it is one."""
    if fields is None:
        return "is no line of CSV"
    if len(fields) != len(names):
        return _of_length(len(fields), len(names))
    if any(not field.isascii() and _undecodable(field) for field in fields):
        return "is not UTF-8"
    return ""


def _undecodable(field: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in field)
