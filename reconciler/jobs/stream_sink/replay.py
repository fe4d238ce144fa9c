"""Events from a file in place of the stream: one JSON text a line, such as dead letters that were corrected."""

from __future__ import annotations

from pathlib import Path

import anyio.lowlevel

from reconciler.errors import SourceUnusable

_PIECE_BYTES = 1 << 20


class FileSource:
    """Reads a file as if its lines arrived now; empty lines are passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise SourceUnusable(f"{path.name} cannot be read: {error.strerror or error}") from error

    async def connect(self) -> None:
        """It is there already."""

    async def receive(self) -> list[bytes] | None:
        """Some of the lines; None after the last."""
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                lines = self._file.readlines(_PIECE_BYTES)
            except OSError as error:
                raise SourceUnusable(f"{self._path.name} cannot be read: {error.strerror or error}") from error
            if not lines:
                return None
            found = [line.strip() for line in lines]
            if any(found):
                return [line for line in found if line]

    def leftover(self) -> list[bytes]:
        """Nothing: what was not read is still in the file."""
        return []

    async def aclose(self) -> None:
        """Close the file."""
        self._file.close()
