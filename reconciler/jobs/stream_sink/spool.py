"""The spool: what was received and is not yet in the database, on disk, in order.

Every message is written here before anything else is done with it, and read back from here: there is one way through the sink,
whether the database is there or not, and memory stays flat however long it is away. `Spool.append` hands the bytes to the
operating system, so that they survive the end of this process; `Unsynced.run` makes them survive a power failure. What is
committed is noted in a small file of its own, which may be older than the truth: then some events are written twice, which
changes nothing.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import SpoolUnusable
from reconciler.jobs.stream_sink.progress_note import ProgressNote
from reconciler.jobs.stream_sink.segment import (
    HEADER_BYTES,
    RECORD_BYTES,
    Piece,
    encode,
    read_piece,
    segment_numbers,
    segment_path,
)
from reconciler.jobs.stream_sink.spool_files import Segment, begin_segment, open_segment, unusable
from reconciler.loading.private import make_private

SEGMENT_BYTES = 32 * 1024 * 1024
"""A segment that has grown to this size is followed by another; it is removed once all of it is committed."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class SpoolFull(Exception):
    """There is no room for what was to be appended; nothing of it was."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the spool: the number of a segment and an offset in it."""

    segment: int
    offset: int


@dataclass(slots=True)
class Taken:
    """Messages that were read, in order; ``end`` is the place to commit once they are dealt with."""

    messages: list[bytes]
    received: list[float]
    end: Position


@dataclass(frozen=True, slots=True)
class Unsynced:
    """What a power failure would lose, up to a place; `run` may be called in a thread, once."""

    handle: int
    end: Position

    def run(self) -> None:
        """Force it to the disk; raises `SpoolUnusable`."""
        try:
            os.fdatasync(self.handle)
        except OSError as error:
            raise unusable("written", error) from error
        finally:
            os.close(self.handle)


class Spool:
    """A spool in one folder, for one process at a time; use it as a context manager.

    ``limit_bytes`` bounds what lies on disk. ``recovered`` is how many messages an earlier run left; ``damaged`` are files with
    what could not be read back, such as the torn end that a crash can leave. ``unread`` messages wait to be taken, in about
    ``unread_bytes``.
    """

    def __init__(self, folder: Path, *, limit_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._segment_bytes = max(min(segment_bytes, limit_bytes // 4), HEADER_BYTES + RECORD_BYTES)
        self.damaged: list[Path] = []
        self._segments: list[Segment] = []
        try:
            make_private(folder)
            self._note = ProgressNote(folder / "committed")
            self._read_at = self._recover()
        except OSError as error:
            raise unusable("opened", error) from error
        self._piece, self._next = Piece(), 0
        self._synced = self._end
        self.recovered = self.unread = self.pending
        # What is committed still lies in the segments; no batch can be made of it.
        self.unread_bytes = self.size_bytes - self._read_at.offset - HEADER_BYTES * (len(self._segments) - 1)

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *exception: object) -> None:
        for segment in self._segments:
            os.close(segment.handle)
        self._segments.clear()
        self._note.close()

    @property
    def pending(self) -> int:
        """Messages that are not committed."""
        return sum(segment.pending for segment in self._segments)

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self._segments)

    @property
    def next_received(self) -> float | None:
        """When the next message to take was received, in seconds since 1970; None where there is none."""
        return self._piece.received[self._next] if self._read_on() else None

    @property
    def _end(self) -> Position:
        last = self._segments[-1]
        return Position(last.number, last.size)

    def append(self, messages: Sequence[bytes], at: float) -> None:
        """Write messages that were received at ``at``, in seconds since 1970. Raises `SpoolFull`, or `SpoolUnusable`."""
        data = encode(messages, at)
        if self.pending and self.size_bytes + len(data) > self._limit:
            raise SpoolFull
        last = self._segments[-1]
        if last.size > HEADER_BYTES and last.size + len(data) > self._segment_bytes:
            last = self._roll(last)
        self._write(last, data)
        last.size += len(data)
        last.pending += len(messages)
        self.unread += len(messages)
        self.unread_bytes += len(data)

    def take(self, max_events: int, max_bytes: int) -> Taken:
        """Read on from where the last call ended: so many messages at most, and no more bytes once there is one."""
        taken = Taken([], [], self._read_at)
        room = max_bytes
        while len(taken.messages) < max_events and room > 0 and self._read_on():
            piece, start = self._piece, self._next
            stop = min(start + max_events - len(taken.messages), len(piece.ends))
            stop = min(stop, bisect_left(piece.ends, self._read_at.offset + room) + 1)
            taken.messages += piece.messages[start:stop]
            taken.received += piece.received[start:stop]
            room -= piece.ends[stop - 1] - self._read_at.offset
            self._next = stop
            self._read_at = taken.end = Position(self._read_at.segment, piece.ends[stop - 1])
        self.unread -= len(taken.messages)
        self.unread_bytes = self.unread_bytes - (max_bytes - room) if self.unread else 0
        return taken

    def commit(self, taken: Taken) -> None:
        """Note that everything up to the end of ``taken`` is dealt with, and remove segments that are used up."""
        left = len(taken.messages)
        for segment in list(self._segments):
            done = min(left, segment.pending)
            segment.pending -= done
            left -= done
            if segment.number < taken.end.segment:
                self._segments.remove(segment)
                os.close(segment.handle)
                segment.path.unlink(missing_ok=True)
        self._note.write(taken.end.segment, taken.end.offset)

    def unsynced(self) -> Unsynced | None:
        """What is neither committed nor safe from a power failure; None where there is nothing."""
        if self.pending == 0 or self._synced == self._end:
            return None
        return Unsynced(os.dup(self._segments[-1].handle), self._end)

    def synced(self, done: Unsynced) -> None:
        """Note that something was forced to the disk."""
        self._synced = max(self._synced, done.end)

    def _read_on(self) -> bool:
        """Have a piece with records that were not taken yet; False where there are none."""
        if self._next < len(self._piece.ends):
            return True
        for segment in self._segments:
            if segment.number < self._read_at.segment:
                continue
            start = self._read_at.offset if segment.number == self._read_at.segment else HEADER_BYTES
            if start >= segment.size:
                continue
            self._piece, self._next = read_piece(segment.handle, start, segment.size), 0
            if not self._piece.ends:
                raise SpoolUnusable(
                    f"the spool cannot be read back at byte {start} of {segment.path.name}",
                    fix=f"check the disk; then set that file aside and run again (it is in {self._folder})",
                )
            self._read_at = Position(segment.number, start)
            return True
        return False

    def _recover(self) -> Position:
        """Open what an earlier run left, and give the place from which it is not committed."""
        noted = Position(*self._note.read())
        numbers = segment_numbers(self._folder)
        for number in numbers:
            path = segment_path(self._folder, number)
            # A file that ends before what is committed of it lost its end in a power failure; were it written on, its new records
            # would pass for committed ones.
            if number < noted.segment or (number == noted.segment and path.stat().st_size < noted.offset):
                path.unlink()
                continue
            start = noted.offset if number == noted.segment else HEADER_BYTES
            segment, damaged = open_segment(self._folder, number, start)
            self._segments += [segment] if segment is not None else []
            self.damaged += damaged
        if not self._segments:
            self._segments.append(begin_segment(self._folder, max(noted.segment, *numbers, 0) + 1))
        first = self._segments[0]
        return Position(first.number, noted.offset if first.number == noted.segment else HEADER_BYTES)

    def _roll(self, last: Segment) -> Segment:
        """Begin another segment. The one before is safe by then: only the last can end torn."""
        try:
            os.fdatasync(last.handle)
            self._segments.append(begin_segment(self._folder, last.number + 1))
        except OSError as error:
            if error.errno in _NO_ROOM and self.pending:
                raise SpoolFull from error
            raise unusable("written", error) from error
        return self._segments[-1]

    def _write(self, last: Segment, data: bytes) -> None:
        rest, place = memoryview(data), last.size
        try:
            while rest:
                written = os.pwrite(last.handle, rest, place)
                rest, place = rest[written:], place + written
        except OSError as error:
            os.ftruncate(last.handle, last.size)
            if error.errno in _NO_ROOM and self.pending:
                raise SpoolFull from error
            raise unusable("written", error) from error
