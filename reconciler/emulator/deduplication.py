"""Which records of a batch are duplicates, and what becomes of them (contract: Operations, deduplicationStrategy).

The keys say which columns make a duplicate: a record whose values are those of a stored one, or of another in its
batch. In mode upsert the newer takes the place of the older; reject refuses the batch; skip leaves the newer out.
Beside all of that the primary key stays unique: keys of other columns can't make two records share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import orjson

from reconciler.emulator.batch import Mode
from reconciler.emulator.columns import Column, key_texts
from reconciler.emulator.fields import Doc
from reconciler.emulator.records import Records
from reconciler.emulator.store import Store

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Chosen:
    """What a batch comes to: the records to store, those to leave out or refuse, and stored ones to delete."""

    primary: Sequence[str]
    """The primary key of each record of the batch."""
    kept: Sequence[int] | None = None
    """Indexes of the records to store; None for all of them."""
    duplicates: dict[int, str] = field(default_factory=dict)
    """Index → message of records that mode skip leaves out and mode reject refuses the batch for."""
    clashes: dict[int, str] = field(default_factory=dict)
    """Index → message of records whose primary key another record holds."""
    dropped: Sequence[str] = ()
    """Primary keys of stored records whose place is taken."""
    others: Sequence[str | None] | None = None
    """Each record's text of the key columns, where they are not the primary key."""

    def pick(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Give the elements of ``items`` that belong to the records to store."""
        return items if self.kept is None else [items[index] for index in self.kept]


@dataclass(slots=True)
class _Index:
    """The stored records by the text of other columns than the primary key. Good while the shelf is as it was."""

    columns: tuple[str, ...]
    epoch: int
    newest: int
    primary: dict[str, set[str]] = field(default_factory=dict)


class Deduplication:
    """Finds duplicates among what is stored and in the batch itself."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store = store
        self._records = records
        self._indexes: dict[str, _Index] = {}

    def by_primary_key(self, owner: str, primary: Sequence[str], mode: Mode) -> Chosen:
        """Choose where the primary key makes the duplicates."""
        chosen = Chosen(primary)
        alike = len(set(primary)) < len(primary)
        if mode == "upsert":
            if alike:
                chosen.kept = list({key: index for index, key in enumerate(primary)}.values())
            return chosen
        shelf = self._records.shelf(owner)
        if not alike and not shelf.held(primary):
            return chosen
        first: dict[str, int] = {}
        for index, key in enumerate(primary):
            if key in shelf:
                chosen.duplicates[index] = "is the key of a stored record"
            elif first.setdefault(key, index) != index:
                chosen.duplicates[index] = f"is the key of records[{first[key]}] too"
        chosen.kept = list(first.values())
        return chosen

    def by_columns(
        self, owner: str, primary: Sequence[str], keys: Sequence[Column], records: Sequence[Doc], mode: Mode
    ) -> Chosen:
        """Choose where other columns make the duplicates. A null is no duplicate of anything."""
        stored = self._index(owner, keys).primary
        texts = key_texts(keys, records)
        chosen = Chosen(primary, others=texts)
        kept: dict[object, int] = {}
        for index, text in enumerate(texts):
            own = (index,) if text is None else text
            first = kept.setdefault(own, index)
            if text is None or mode == "upsert":
                kept[own] = index
            elif text in stored:
                chosen.duplicates[index] = "has the key of a stored record"
            elif first != index:
                chosen.duplicates[index] = f"has the key of records[{first}] too"
        chosen.kept = sorted(index for index in kept.values() if index not in chosen.duplicates)
        matches = [stored.get(text, set()) if text is not None else set() for text in chosen.pick(texts)]
        chosen.dropped = sorted(set().union(*matches).difference(chosen.pick(primary)))
        self._find_clashes(owner, chosen, matches)
        return chosen

    def _find_clashes(self, owner: str, chosen: Chosen, matches: Sequence[set[str]]) -> None:
        """Note the records that would share their primary key with one that they are no duplicate of."""
        shelf = self._records.shelf(owner)
        holders: dict[str, int] = {}
        kept = range(len(chosen.primary)) if chosen.kept is None else chosen.kept
        for index, matched in zip(kept, matches, strict=True):
            key = chosen.primary[index]
            if holders.setdefault(key, index) != index:
                chosen.clashes[index] = f"is the primary key of records[{holders[key]}] too"
            elif key in shelf and key not in matched:
                chosen.clashes[index] = "is the primary key of a stored record that is no duplicate of this one"

    def _index(self, owner: str, keys: Sequence[Column]) -> _Index:
        """Give the index over other columns; made anew when anything else has written since."""
        names = tuple(key.name for key in keys)
        shelf = self._records.shelf(owner)
        index = self._indexes.get(owner)
        if index is None or (index.columns, index.epoch, index.newest) != (names, shelf.epoch, shelf.newest):
            stored = list(self._records.all(owner))
            texts = key_texts(keys, [orjson.loads(line) for _, line in stored])
            index = self._indexes[owner] = _Index(names, shelf.epoch, shelf.newest)
            for (primary, _), text in zip(stored, texts, strict=True):
                if text is not None:
                    index.primary.setdefault(text, set()).add(primary)
        return index

    def follow(self, owner: str, chosen: Chosen) -> None:
        """Keep the index over other columns up to date with what was chosen, once it is committed."""
        texts = chosen.others
        if texts is None:
            self._indexes.pop(owner, None)
            return

        def keep_up() -> None:
            index = self._indexes[owner]
            pairs = zip(chosen.pick(texts), chosen.pick(chosen.primary), strict=True)
            index.primary.update((text, {primary}) for text, primary in pairs if text is not None)
            index.newest = self._records.shelf(owner).newest

        self._store.on_commit(keep_up)
