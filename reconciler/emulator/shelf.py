"""Where each record of one table stands: an index in memory over a log of batches. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

_SHIFT = 13

MAX_BATCH = 1 << _SHIFT
"""Most records that one batch of the log may hold."""


class Shelf:
    """The index of one table: key → place, which is the batch's number and the record's position in it.

    A key that is written again stands in the newer batch from then on; what the older one holds of it is dead.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        """Counts how often all of the table was replaced: who has another one must read the log anew."""
        self.newest = 0
        """Number of the newest batch that the index has taken in."""
        self._places: dict[str, int] = {}
        self._alive: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def held(self, keys: Iterable[str]) -> int:
        """Count those of ``keys`` that the table holds."""
        return sum(map(self._places.__contains__, keys))

    def outlived(self, keys: Iterable[str]) -> list[int]:
        """Give the batches that hold nothing alive any more once ``keys``, no two alike, are written or dropped."""
        found = Counter(place >> _SHIFT for place in map(self._places.get, keys) if place is not None)
        return [batch for batch, dead in found.items() if self._alive[batch] == dead]

    def take_in(self, batch: int, keys: Sequence[str], dropped: Iterable[str] = ()) -> None:
        """Take in a batch that was added to the log: first what it drops, then the keys of its records."""
        for key in dropped:
            self._lose(self._places.pop(key, None))
        for place in filter(None, map(self._places.get, keys)):
            self._lose(place)
        first = batch << _SHIFT
        self._places.update(zip(keys, range(first, first + len(keys)), strict=True))
        self._alive[batch] = len(keys)
        self.newest = batch

    def _lose(self, place: int | None) -> None:
        if place is None:
            return
        batch = place >> _SHIFT
        self._alive[batch] -= 1
        if not self._alive[batch]:
            del self._alive[batch]

    def living(self, batch: int, keys: Sequence[str], lines: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
        """Give those records of a batch that are alive, with their keys."""
        first = batch << _SHIFT
        standing = map(self._places.get, keys)
        alive = [place == number for number, place in enumerate(standing, first)]
        return compress(zip(keys, lines, strict=True), alive)

    def places(self, keys: Iterable[str]) -> dict[int, list[tuple[int, str]]]:
        """Give batch → (position, key) of those of ``keys`` that the table holds."""
        found: dict[int, list[tuple[int, str]]] = {}
        for key in keys:
            place = self._places.get(key)
            if place is not None:
                found.setdefault(place >> _SHIFT, []).append((place & (MAX_BATCH - 1), key))
        return found
