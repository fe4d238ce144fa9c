"""The files of a source: found by path or glob, opened through gzip or zstd, read in blocks with a known position."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from reconciler.errors import SourceUnusable
from reconciler.jobs.job import need_extra

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PIECE: Final = 256 * 1024
"""Bytes that are asked for at once: a library that finds damage keeps what it expanded in the same call to itself."""

_COMPRESSED_BLOCK: Final = 32 * 1024
"""Compressed bytes that are expanded at a time: even at a ratio of a thousand, the result stays small."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: ``name`` relative to the project as reports show it, and what tells whether it is still the same."""

    path: Path
    name: str
    size: int
    modified_ns: int

    @property
    def identity(self) -> list[Any]:
        """What a resumed run compares: name, size in bytes, time of the last change."""
        return [self.name, self.size, self.modified_ns]


def find_files(root: Path, pattern: str) -> list[SourceFile]:
    """The files of a path or glob, sorted by name. Raises `SourceUnusable` where there is none."""
    magic = any(character in pattern for character in "*?[")
    found = sorted(_matches(root, pattern)) if magic else [pattern]
    files = [_described(root / name, name) for name in found if (root / name).is_file()]
    if not files:
        what = "no file matches" if magic else "there is no file"
        raise SourceUnusable(f"{what} {pattern}", fix="source.path is relative to the project's folder")
    return files


def _matches(root: Path, pattern: str) -> list[str]:
    try:
        return [path.relative_to(root).as_posix() for path in root.glob(pattern)]
    except (ValueError, NotImplementedError) as error:
        raise SourceUnusable(
            f"{pattern} cannot be looked for: {error}", fix="write a glob below the project"
        ) from error


def _described(path: Path, name: str) -> SourceFile:
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(name, error) from error
    return SourceFile(path, name, found.st_size, found.st_mtime_ns)


class Blocks(Protocol):
    """A stream of bytes, decompressed; short reads happen only at its end and before damage."""

    def read(self, size: int) -> bytes:
        """Give the next ``size`` bytes, fewer only at the end and before damage. Raises `SourceUnusable` for damage."""

    def consumed(self) -> int:
        """Bytes of the file on the disk that were read so far."""


class _Stream:
    """A file behind some decompression, or none. What could be read before damage is given first, the error after it."""

    def __init__(self, name: str, raw: IO[bytes], inner: Any) -> None:
        self._name, self._raw, self._inner = name, raw, inner
        self._consumed = 0
        self._error: Exception | None = None

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and self._error is None:
            try:
                part = self._inner.read(min(size, _PIECE))
            except (OSError, EOFError, zlib.error) as error:
                self._error = error
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        if self._error is not None and not parts:
            raise _unreadable(self._name, self._error) from self._error
        self._consumed = self._raw.tell()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def consumed(self) -> int:
        return self._consumed


class _Zstd:
    """Expands zstd, frame after frame. Unlike the library's own stream it takes a file that was cut off for what it is."""

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._raw, self._error = raw, zstandard.ZstdError
        self._new: Callable[[], Any] = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj
        self._frame: Any = None
        self._ready = b""
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            data = self._rest or self._raw.read(_COMPRESSED_BLOCK)
            self._rest = b""
            if not data:
                if self._frame is not None:
                    raise EOFError("it ends in the middle of a zstd frame")
                return b""
            self._frame = self._frame or self._new()
            try:
                self._ready = self._frame.decompress(data)
            except self._error as error:
                raise OSError(None, str(error)) from error
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        part, self._ready = self._ready[:size], self._ready[size:]
        return part


@contextmanager
def opened(file: SourceFile, offset: int = 0) -> Iterator[Blocks]:
    """Open a file, decompressed as its name or its first bytes say, ``offset`` bytes into its content."""
    try:
        raw = file.path.open("rb")
    except OSError as error:
        raise _unreadable(file.name, error) from error
    with raw:
        kind = compression(file, raw)
        if kind == "zstd":
            need_extra("ingest", "zstandard")
        inner: Any = gzip.GzipFile(fileobj=raw) if kind == "gzip" else _Zstd(raw) if kind == "zstd" else raw
        stream = _Stream(file.name, raw, inner)
        if not kind:
            raw.seek(offset)
        else:
            _skip(stream, offset)
        yield stream


def compression(file: SourceFile, raw: IO[bytes]) -> str:
    """``gzip``, ``zstd`` or empty, by the first bytes; a name that promises otherwise is an error, an empty file is not."""
    start = raw.read(4)
    raw.seek(0)
    kind = "gzip" if start.startswith(_GZIP) else "zstd" if start == _ZSTD else ""
    promised = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}.get(file.path.suffix.lower(), "")
    if start and promised and kind != promised:
        raise SourceUnusable(f"{file.name} is not compressed with {promised}, as its name says", fix="rename the file")
    return kind


def _skip(stream: Blocks, offset: int) -> None:
    while offset > 0:
        part = stream.read(min(offset, 1 << 20))
        if not part:
            return
        offset -= len(part)


def _unreadable(name: str, error: Exception) -> SourceUnusable:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SourceUnusable(f"{name} cannot be read: {reason}", fix="check the file; what was read before is kept")
