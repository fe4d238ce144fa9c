"""A JSON array of records, UTF-8, read in bounded memory.

A block is cut behind a record by trying: if what stands before a ``}`` followed by a comma parses as an array once it is closed
with a bracket, the cut is between two elements, for the grammar leaves no other reading. The last such place of a block is
nearly always right at the first attempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import orjson

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers.chunk import Chunk, Position
from reconciler.jobs.records.readers.files import Blocks, SourceFile
from reconciler.jobs.records.readers.json_values import loads
from reconciler.jobs.records.readers.lines import MAX_RECORD_BYTES
from reconciler.jobs.records.readers.records import to_columns
from reconciler.jobs.records.readers.streamed import StreamedReader

_BLOCK: Final = 1024 * 1024
"""Bytes at a time: parsed one by one, records take ten times their bytes."""

_SPACE: Final = b" \t\r\n"
_BETWEEN: Final = re.compile(rb"\}[ \t\r\n]*,(?=[ \t\r\n]*\{)")
_TRIES: Final = 50
_STRUCTURE: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]]', re.DOTALL)
"""What makes the structure of JSON, and the strings in which that means nothing."""


class JsonReader(StreamedReader):
    """Reads the wanted columns of files that are one JSON array each."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[str]) -> None:
        super().__init__(files)
        self._columns = columns

    def _file(self, file: SourceFile, begin: Position) -> Iterator[Chunk]:
        import polars as pl

        row = begin.row
        with self._open(file, begin.offset) as stream:
            for at, end, records in _elements(stream, file.name, begin.offset):
                rows = list(range(row + 1, row + 1 + len(records)))
                frame, kept, bad = to_columns(records, rows, self._columns, file.name)
                yield Chunk(
                    file.name,
                    Position(begin.file, at, row),
                    Position(begin.file, end, row + len(records)),
                    frame,
                    pl.Series([rows[index] for index in kept], dtype=pl.UInt64),
                    partial(_record, records, kept),
                    bad,
                )
                row += len(records)


def _record(records: Sequence[Any], kept: Sequence[int], index: int) -> Any:
    return records[kept[index]]


def _elements(stream: Blocks, name: str, offset: int) -> Iterator[tuple[int, int, list[Any]]]:
    """Give (offset, end, elements) of parts of the array; an offset above 0 is right behind a comma between elements."""
    data = stream.read(_BLOCK)
    if offset == 0:
        opening = data.find(b"[")
        if data[: max(opening, 0)].removeprefix(b"\xef\xbb\xbf").strip(_SPACE) or opening < 0:
            raise SourceUnusable(
                f"{name} is no JSON array", fix="write [ before the first record, or use format ndjson"
            )
        offset, data = opening + 1, data[opening + 1 :]
    while True:
        try:
            more = stream.read(_BLOCK)
        except SourceUnusable:
            end, records = _sound(data, len(data))
            yield offset, offset + end, records
            raise
        found = _cut(data) if more else None
        if found is not None:
            end, records = found
            yield offset, offset + end, records
            offset, data = offset + end, data[end:] + more
        elif more and len(data) <= MAX_RECORD_BYTES:
            data += more
        else:
            break
    yield from _last(data, name, offset, more=bool(more))


def _cut(data: bytes) -> tuple[int, list[Any]] | None:
    """The last place between two elements, behind the comma, and the elements before it; None where none is found."""
    places = [match.end() for match in _BETWEEN.finditer(data, max(0, len(data) - MAX_RECORD_BYTES))]
    for end in reversed(places[-_TRIES:]):
        try:
            return end, loads(b"[%b]" % data[: end - 1])
        except orjson.JSONDecodeError:
            continue
    return None


def _last(data: bytes, name: str, offset: int, *, more: bool) -> Iterator[tuple[int, int, list[Any]]]:
    """The elements up to the end of the array, which must be the end of the file; or up to the damage, which is raised then."""
    try:
        records = loads(b"[%b" % data)
    except orjson.JSONDecodeError as error:
        place, reason = _damage(data, error)
        end, records = _sound(data, place)
        yield offset, offset + end, records
        if more and place > MAX_RECORD_BYTES:
            place, reason = end, f"the record there does not end within {MAX_RECORD_BYTES // 2**20} MB"
        raise SourceUnusable(
            f"{name} is no JSON array from byte {offset + place:,} on: {reason}",
            fix="mend the file; behind damage nobody knows where the next record begins",
        ) from error
    yield offset, offset + len(data), records


def _damage(data: bytes, error: orjson.JSONDecodeError) -> tuple[int, str]:
    """Where elements are damaged, in bytes, and how; ``error`` is what they gave behind an opening bracket."""
    reason = error.msg
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        text, reason = data[: wrong.start].decode("utf-8"), "is not UTF-8"
        try:
            orjson.loads("[" + text)
        except orjson.JSONDecodeError as earlier:
            error = earlier
            if earlier.pos <= len(text):
                reason = earlier.msg
    return len(text[: error.pos - 1].encode()), reason


def _sound(data: bytes, damage: int) -> tuple[int, list[Any]]:
    """The elements that end before byte ``damage``, before which all is well, and where the last of them ends."""
    end = depth = 0
    for token in _STRUCTURE.finditer(data, 0, damage):
        text = token[0]
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
            if depth < 0:
                break
            end = token.end() if depth == 0 else end
    return end, loads(b"[%b]" % data[:end])
