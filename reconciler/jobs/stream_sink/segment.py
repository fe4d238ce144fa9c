"""One file of the spool: records one after another, each with its length, checksum and time of receipt.

The layout is a header of 8 bytes, then per record: length (4 bytes), CRC-32 (4), seconds since 1970 (a double), and the message
itself; all little-endian. The checksum covers time and message, so that neither a torn end nor a run of zeros passes for a record.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

MAGIC = b"RSPOOL1\n"
HEADER_BYTES = len(MAGIC)
RECORD = struct.Struct("<IId")
RECORD_BYTES = RECORD.size
PIECE_BYTES = 1 << 20
"""What is read at once, unless a single record is larger."""

_TIME = struct.Struct("<d")
_NAME = re.compile(r"(\d{12})\.spool")


def segment_path(folder: Path, number: int) -> Path:
    """The file of a segment."""
    return folder / f"{number:012}.spool"


def segment_numbers(folder: Path) -> list[int]:
    """The segments of a folder, oldest first."""
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match.group(1)) for match in found if match is not None)


@dataclass(slots=True)
class Piece:
    """Some records of a segment: messages, when each was received, and the offset at which its record ends."""

    messages: list[bytes] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


def encode(messages: Sequence[bytes], at: float) -> bytes:
    """Write messages that were received at one time as records."""
    seed = crc32(_TIME.pack(at))
    pack = RECORD.pack
    parts: list[bytes] = []
    for message in messages:
        parts.append(pack(len(message), crc32(message, seed), at))
        parts.append(message)
    return b"".join(parts)


def decode(data: bytes, offset: int) -> Piece:
    """Read the whole and undamaged records at the start of ``data``, which lies at ``offset`` in its file."""
    piece = Piece()
    messages, received, ends = piece.messages.append, piece.received.append, piece.ends.append
    position, size = 0, len(data)
    unpack = RECORD.unpack_from
    known_at, seed = 0.0, crc32(_TIME.pack(0.0))
    while position + RECORD_BYTES <= size:
        length, checksum, at = unpack(data, position)
        start = position + RECORD_BYTES
        position = start + length
        if position > size:
            break
        if at != known_at:
            known_at, seed = at, crc32(_TIME.pack(at))
        message = data[start:position]
        if crc32(message, seed) != checksum:
            break
        messages(message)
        received(at)
        ends(offset + position)
    return piece


def read_piece(handle: int, start: int, end: int) -> Piece:
    """Read records from an offset of an open file on, up to ``end``; an empty piece where none is whole and undamaged."""
    data = os.pread(handle, min(PIECE_BYTES, end - start), start)
    piece = decode(data, start)
    if not piece.messages and len(data) >= RECORD_BYTES:
        needed = RECORD_BYTES + RECORD.unpack_from(data)[0]
        if len(data) < needed <= end - start:
            piece = decode(os.pread(handle, needed, start), start)
    return piece


def scan(handle: int, start: int) -> tuple[int, int]:
    """How many records follow ``start`` undamaged, and where the last of them ends."""
    count, place, size = 0, start, os.fstat(handle).st_size
    while place < size:
        piece = read_piece(handle, place, size)
        if not piece.messages:
            break
        count += len(piece.messages)
        place = piece.ends[-1]
    return count, place
