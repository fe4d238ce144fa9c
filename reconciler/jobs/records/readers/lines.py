"""Splitting a stream of bytes at ends of lines: blocks of whole records, with the offset of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers.files import Blocks

BLOCK_BYTES: Final = 2 * 1024 * 1024
"""Bytes that are read and worked on at a time."""

MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
"""A record that is longer than this is taken for damage: an unclosed quote, or a file that has no lines."""

Cut = Callable[[bytes], int]
"""Finds the end of the last whole record in a block: how many bytes belong to whole records, 0 for none."""


def last_line(data: bytes) -> int:
    """The end of the last whole line."""
    return data.rfind(b"\n") + 1


def last_unquoted_line(data: bytes) -> int:
    """The end of the last line that is outside of quotes, when the block begins outside of them."""
    if b'"' not in data:
        return last_line(data)
    end = len(data)
    quotes = data.count(b'"')
    while (newline := data.rfind(b"\n", 0, end)) >= 0:
        quotes -= data.count(b'"', newline, end)
        if quotes % 2 == 0:
            return newline + 1
        end = newline
    return 0


def blocks_of(stream: Blocks, name: str, offset: int, cut: Cut) -> Iterator[tuple[int, bytes]]:
    """Give (offset, bytes) of blocks that end where a record does; the last one ends where the file does.

    Raises `SourceUnusable` for a record beyond `MAX_RECORD_BYTES`.
    """
    rest = b""
    while data := stream.read(BLOCK_BYTES):
        data = rest + data if rest else data
        end = cut(data)
        if end:
            yield offset, data[:end]
            offset += end
        rest = data[end:]
        if len(rest) > MAX_RECORD_BYTES:
            raise SourceUnusable(
                f"{name}: the record at byte {offset:,} does not end within {MAX_RECORD_BYTES // 2**20} MB",
                fix="look for a quote that is never closed, or another kind of line end",
            )
    if rest:
        yield offset, rest
