"""The segments of a spool as open files: begun, opened again after a crash, and cut where they can't be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import SpoolUnusable
from reconciler.jobs.stream_sink.segment import HEADER_BYTES, MAGIC, scan, segment_path


@dataclass(slots=True)
class Segment:
    """An open segment: its file, how far it is written, and how many of its records are not committed."""

    number: int
    handle: int
    size: int
    pending: int
    path: Path


def begin_segment(folder: Path, number: int) -> Segment:
    """Make an empty segment that a power failure cannot make disappear; raises OSError."""
    path = segment_path(folder, number)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.pwrite(handle, MAGIC, 0)
    os.fdatasync(handle)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return Segment(number, handle, HEADER_BYTES, 0, path)


def open_segment(folder: Path, number: int, start: int) -> tuple[Segment | None, list[Path]]:
    """Open a segment whose records are committed up to ``start``; raises OSError.

    What cannot be read back is set aside in a file beside it, which is given too, and cut off; None where that is all of it.
    """
    path = segment_path(folder, number)
    aside = path.with_suffix(".damaged")
    handle = os.open(path, os.O_RDWR)
    size = os.fstat(handle).st_size
    if os.pread(handle, HEADER_BYTES, 0) != MAGIC:
        os.close(handle)
        path.replace(aside)
        return None, [aside]
    count, end = scan(handle, start)
    if end < size:
        with aside.open("ab") as file:
            file.write(os.pread(handle, size - end, end))
        os.ftruncate(handle, end)
    return Segment(number, handle, end, count, path), [aside] if end < size else []


def unusable(verb: str, error: OSError) -> SpoolUnusable:
    """The error for a disk that refuses."""
    return SpoolUnusable(
        f"the spool cannot be {verb}: {error.strerror or error}",
        fix="check the disk that the project's .reconciler folder is on; what was received before is kept",
    )
