"""Logs as numbered objects: each append is one object that must not exist yet, and which is durable when it is there.

``log/NAME/PART/GENERATION/NUMBER``. A log is the newest generation of its newest part that has a number 0, its numbers in order;
older parts were put aside by a rotation. Replacing a log creates number 0 of the next generation, which takes effect at once and
whole; what is left of older generations means nothing and is removed. Two writers can never both append the same number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from reconciler.engine.state.objects import Listed, Objects, Taken
from reconciler.errors import LedgerConflict, LedgerDamaged, StorageError

_PIECE = re.compile(r"/(\d{5})/(\d{6})/(\d{8})")
_PART_NAME = re.compile(r"([^.]+)\.(\d{5})\.(.+)")
_READS = 5

MOST_PIECES = 400
"""Objects that a log may have before they become one, and one more for each 64 KiB in it, so that large logs are not rewritten often."""


@dataclass(frozen=True, slots=True)
class _Piece:
    key: str
    part: int
    generation: int
    number: int
    size: int


@dataclass(slots=True)
class _Position:
    """Where the next append goes, and what is known of the pieces so far; ``known`` holds the bytes that we wrote ourselves."""

    part: int
    generation: int
    pieces: list[_Piece]
    known: dict[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.pieces)


class ObjectLogs:
    """All logs of a folder. Only the holder of the lease may change them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._positions: dict[str, _Position] = {}

    def forget(self) -> None:
        """Look anew where each log ends, before it is added to."""
        self._positions.clear()

    def append(self, name: str, data: bytes) -> None:
        """Add a piece. Raises `LedgerConflict` where somebody else did meanwhile, or `StorageError`."""
        position = self._positions.get(name) or self._find(name)
        if position is None:
            self._begin(name, 1, 1, data)
            return
        if len(position.pieces) > MOST_PIECES + position.size // 65536:
            position = self._merge(name, position)
        piece = _piece(name, position.part, position.generation, len(position.pieces), len(data))
        self._create(name, piece, data)
        position.pieces.append(piece)
        position.known[piece.key] = data
        self._positions[name] = position

    def read(self, name: str) -> bytes:
        """All of a log, or of a part of one."""
        return self._read(name, None)

    def read_end(self, name: str, size: int) -> bytes:
        """The last ``size`` bytes."""
        return self._read(name, size)

    def size(self, name: str) -> int:
        """Bytes of a log."""
        return sum(item.size for item in self._survey(name))

    def rewrite(self, name: str, data: bytes) -> None:
        """Replace a log whole; what was appended before goes."""
        position = self._find(name)
        if position is None:
            self._begin(name, 1, 1, data)
            return
        self._begin(name, position.part, position.generation + 1, data)
        self._sweep(name)

    def clear(self, name: str) -> None:
        """Empty a log."""
        if self.size(name):
            self.rewrite(name, b"")

    def rotate(self, name: str) -> None:
        """Put a log aside as its newest part."""
        position = self._find(name)
        if position is None or not position.size:
            return
        if len(position.pieces) > 1:
            position = self._merge(name, position)
        self._begin(name, position.part + 1, 1, b"")

    def parts(self, name: str) -> list[str]:
        """The names of the parts that were put aside, oldest first."""
        found = sorted({item.part for item in self._pieces(name)})
        stem, _, suffix = name.partition(".")
        return [f"{stem}.{part:05}.{suffix}" for part in found[:-1]]

    def _read(self, name: str, size: int | None) -> bytes:
        for _ in range(_READS):
            pieces = self._survey(name)
            skip = 0 if size is None else max(0, sum(item.size for item in pieces) - size)
            data = self._fetch(pieces, skip)
            if data is not None:
                return data
        raise StorageError(
            f"{self._objects.place}/log/{name} keeps changing while it is read",
            fix="wait for the running command to end",
        )

    def _fetch(self, pieces: Sequence[_Piece], skip: int) -> bytes | None:
        """The bytes of pieces but the first ``skip``; None where one of them was removed since they were listed."""
        while pieces and skip >= pieces[0].size:
            skip -= pieces[0].size
            pieces = pieces[1:]
        if not pieces:
            return b""
        first = pieces[0]
        head = self._objects.get_end(first.key, skip, first.size)
        found = [head, *self._objects.get_all([item.key for item in pieces[1:]])]
        whole = [item for item in found if item is not None]
        return b"".join(whole) if len(whole) == len(found) else None

    def _pieces(self, name: str) -> list[_Piece]:
        """The pieces of all parts and generations of a log."""
        folder = f"log/{name}"
        found = []
        for item in self._objects.list(folder):
            match = _PIECE.fullmatch(item.key[len(folder) :])
            if match is not None:
                found.append(_parsed(item, match))
        return found

    def _survey(self, name: str) -> list[_Piece]:
        """The pieces that count of a log, or of a part of one, in order; raises `LedgerDamaged` where one is missing."""
        named = _PART_NAME.fullmatch(name)
        log = f"{named.group(1)}.{named.group(3)}" if named else name
        everything = self._pieces(log)
        part = int(named.group(2)) if named else max((item.part for item in everything), default=0)
        generations = [item.generation for item in everything if item.part == part and item.number == 0]
        if not generations:
            return []
        pieces = sorted(
            (item for item in everything if (item.part, item.generation) == (part, max(generations))),
            key=lambda item: item.number,
        )
        if pieces[-1].number != len(pieces) - 1:
            raise LedgerDamaged(
                f"pieces of the log {name} are missing in {self._objects.place}",
                fix="restore the folder from the bucket's versions or a backup",
            )
        return pieces

    def _find(self, name: str) -> _Position | None:
        pieces = self._survey(name)
        if not pieces:
            return None
        return _Position(pieces[0].part, pieces[0].generation, pieces)

    def _begin(self, name: str, part: int, generation: int, data: bytes) -> _Position:
        piece = _piece(name, part, generation, 0, len(data))
        self._create(name, piece, data)
        position = self._positions[name] = _Position(part, generation, [piece], {piece.key: data})
        return position

    def _create(self, name: str, piece: _Piece, data: bytes) -> None:
        try:
            self._objects.put(piece.key, data, None)
        except Taken as error:
            self._positions.pop(name, None)
            raise LedgerConflict(
                f"{name} was continued by another command", fix="look who holds the ledger: `reconciler ledger verify`"
            ) from error
        except StorageError:
            self._positions.pop(name, None)
            raise

    def _merge(self, name: str, position: _Position) -> _Position:
        """Make one object of all pieces; what we wrote ourselves need not be read."""
        unknown = [item.key for item in position.pieces if item.key not in position.known]
        known = dict(zip(unknown, self._objects.get_all(unknown), strict=True)) | position.known
        found = [known[item.key] for item in position.pieces]
        if any(item is None for item in found):
            raise LedgerConflict(f"{name} was replaced by another command", fix="run the command again")
        merged = self._begin(name, position.part, position.generation + 1, b"".join(item for item in found if item))
        self._sweep(name)
        merged.known.clear()
        return merged

    def _sweep(self, name: str) -> None:
        """Remove what is left of older generations; what cannot be removed now means nothing and goes next time."""
        position = self._positions[name]
        with suppress(StorageError):
            stale = [
                item.key
                for item in self._pieces(name)
                if item.part == position.part and item.generation < position.generation
            ]
            self._objects.delete(stale)


def _piece(name: str, part: int, generation: int, number: int, size: int) -> _Piece:
    return _Piece(f"log/{name}/{part:05}/{generation:06}/{number:08}", part, generation, number, size)


def _parsed(item: Listed, match: re.Match[str]) -> _Piece:
    part, generation, number = (int(text) for text in match.groups())
    return _Piece(item.key, part, generation, number, item.size)
