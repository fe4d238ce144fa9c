"""The journal's lines, and whether its last one ends it: all that a command which carries nothing out needs to know."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from reconciler.engine.state.store import StateStore

NAME = "journal.ndjson"


def line_of(record: Mapping[str, Any]) -> bytes:
    """A record as its line: checksum (CRC-32, hex), a blank, JSON."""
    data = orjson.dumps(record)
    return b"%08x %s\n" % (zlib.crc32(data), data)


def line_of_group(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Records that are made durable together, as one line: all of them count, or none."""
    return line_of(records[0]) if len(records) == 1 else line_of({"record": "group", "records": list(records)})


END = line_of({"record": "end"})
"""The last line of a journal that needs no resuming."""


def ended(store: StateStore) -> bool:
    """Whether the store's journal came to its end; false where there is none.

    Every plan asks this, and one line tells it: a journal that ended is not read, however long it is.
    """
    return store.read_end(NAME, len(END)) == END
