"""How far the spool is committed, in 64 bytes: two slots written in turn, so that a torn write leaves the one before."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from zlib import crc32

_SLOT = struct.Struct("<QQQ")
_SUM = struct.Struct("<I")
_SLOT_BYTES = _SLOT.size + _SUM.size


class ProgressNote:
    """The note in its file. It is not forced to the disk: an older one that reads back is as good, only later."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._count, self._segment, self._offset = max(
            (slot for slot in (self._slot(0), self._slot(1)) if slot is not None), default=(0, 0, 0)
        )

    def read(self) -> tuple[int, int]:
        """Segment and offset; 0 and 0 where nothing is noted."""
        return self._segment, self._offset

    def write(self, segment: int, offset: int) -> None:
        """Note a place."""
        self._count += 1
        self._segment, self._offset = segment, offset
        data = _SLOT.pack(self._count, segment, offset)
        os.pwrite(self._handle, data + _SUM.pack(crc32(data)), (self._count % 2) * _SLOT_BYTES)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _slot(self, index: int) -> tuple[int, int, int] | None:
        data = os.pread(self._handle, _SLOT_BYTES, index * _SLOT_BYTES)
        if len(data) < _SLOT_BYTES or _SUM.unpack_from(data, _SLOT.size)[0] != crc32(data[: _SLOT.size]):
            return None
        count, segment, offset = _SLOT.unpack_from(data)
        return count, segment, offset
