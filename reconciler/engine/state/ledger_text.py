"""The ledger's entries as they stand in its file: spelled one by one, and again only where they changed."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from reconciler.core.codec import entry_to_json
from reconciler.core.resource import Entry, Key

_LAID_OUT = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
_DEPTH = b"\n    "
"""What begins a line of an entry: it stands in ``entries``, which stands in the ledger."""


class EntryTexts:
    """The texts of entries, kept while a run goes on: a ledger is saved every few seconds, and most of it is as before."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Entry, bytes]] = {}

    def of(self, key: Key, entry: Entry) -> bytes:
        """The text of an entry: as the ledger lays it out, from its key to its last brace."""
        kept = self._kept.get(key)
        # The very same one, since Python takes true for 1.
        if kept is not None and kept[0] is entry:
            return kept[1]
        # A text in JSON holds no line break of its own.
        text = orjson.dumps({str(key): entry_to_json(entry)}, option=_LAID_OUT)[4:-2].replace(b"\n  ", _DEPTH)
        self._kept[key] = entry, text
        return text

    def all(self, entries: Mapping[Key, Entry]) -> orjson.Fragment:
        """All entries, sorted by their keys, as the ledger's ``entries``; those that are gone are forgotten."""
        for key in self._kept.keys() - entries.keys():
            del self._kept[key]
        texts = [self.of(key, entries[key]) for key in sorted(entries, key=str)]
        return orjson.Fragment(b"{" + _DEPTH + (b"," + _DEPTH).join(texts) + b"\n  }" if texts else b"{}")
