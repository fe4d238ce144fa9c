"""What readers of files that are read from end to end as bytes share: file after file, and how far they got."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from reconciler.jobs.records.readers.chunk import Chunk, Position
from reconciler.jobs.records.readers.files import Blocks, SourceFile, opened


class StreamedReader(ABC):
    """Reads one file after another; a format says what its bytes are."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._before = 0
        self._stream: Blocks | None = None

    @property
    def bytes_done(self) -> int:
        """Bytes read so far."""
        return self._before + (self._stream.consumed() if self._stream is not None else 0)

    def chunks(self, start: Position) -> Iterator[Chunk]:
        """Give the chunks from a position on."""
        self._before = sum(file.size for file in self._files[: start.file])
        for number in range(start.file, len(self._files)):
            file = self._files[number]
            yield from self._file(file, start if number == start.file else Position(number))
            self._before += file.size
            self._stream = None

    @abstractmethod
    def _file(self, file: SourceFile, begin: Position) -> Iterator[Chunk]:
        """Give the chunks of one file from a position in it on."""

    @contextmanager
    def _open(self, file: SourceFile, offset: int) -> Iterator[Blocks]:
        """Open a file so that `bytes_done` follows the reading of it."""
        with opened(file, offset) as self._stream:
            yield self._stream
