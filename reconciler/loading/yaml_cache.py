"""Remembers what was parsed, by the content of the file: a second run over the same manifests reads no YAML.

One file holds everything, so that 10,000 manifests take one read. Its layout: a magic line, the BLAKE2b digest of all that
follows, the length of the index, the index (JSON: digest of a file's content in hex → where its part begins and how long it
is), and the parts. A part is the length of its JSON, the JSON (a list of index, value, number of positions) and the positions
as 32-bit integers. Anything that does not read back as this is ignored and written anew.
"""

from __future__ import annotations

import contextlib
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson

from reconciler import __version__
from reconciler.loading.atomic import write_atomically
from reconciler.loading.private import make_private
from reconciler.loading.yaml_document import Document
from reconciler.loading.yaml_source import Source

FORMAT: Final = 1
"""Changes whenever the same text would give other values or positions, or the layout changes."""

MAX_BYTES: Final = 128 * 1024 * 1024
"""How large the store may grow."""

SPARE_BYTES: Final = 256 * 1024
"""How much of what the last run did not use is kept in any case; beyond, as much as it used: every run reads all of it."""

_MAGIC: Final = f"reconciler parse cache {FORMAT} {__version__} {sys.byteorder}\n".encode()
_LENGTH: Final = struct.Struct("<Q")
_DIGEST: Final = 16


def content_digest(content: bytes) -> bytes:
    """What identifies a file's content in the store (16 bytes)."""
    return blake2b(content, digest_size=_DIGEST).digest()


class ParseCache:
    """The store of one project, usually in ``.reconciler/cache/``.

    Documents may hold a secret that somebody wrote out by mistake, so nothing is stored while loading: the caller hands
    the documents to `store` once validation has accepted them. A store that cannot be read or written is no error.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "documents"
        self._data = memoryview(b"")
        self._index: Mapping[str, tuple[int, int]] = {}
        self._read()

    def __len__(self) -> int:
        """How many files' contents it knows."""
        return len(self._index)

    def find(self, source: Source) -> list[Document] | None:
        """The documents of a source whose digest is known, else None."""
        place = self._index.get(source.digest.hex())
        if place is None:
            return None
        return documents_of(self._data[place[0] : place[0] + place[1]], source)

    def store(self, documents: Iterable[Document]) -> OSError | None:
        """Remember documents that validation accepted; files of which any document is missing are left out.

        Files parsed earlier are kept as far as there is room, those that were used last before others. Writes only when there is
        something new; gives what kept that from being done.
        """
        used, fresh = self._sort(documents)
        if not fresh:
            return None
        parts: dict[str, bytes | memoryview] = dict(fresh)
        size = sum(map(len, fresh.values()))
        for name in (name for name in self._index if name in used):
            size += self._keep(parts, name, MAX_BYTES - size)
        spare = min(max(SPARE_BYTES, size), MAX_BYTES - size)
        for name in (name for name in self._index if name not in used):
            spare -= self._keep(parts, name, spare)
        try:
            self._write(parts)
        except OSError as error:
            return error
        return None

    def _keep(self, parts: dict[str, bytes | memoryview], name: str, room: int) -> int:
        """Take a part over that is stored already, if there is room for it; returns how much that took (bytes)."""
        begin, length = self._index[name]
        if length > room:
            return 0
        parts[name] = self._data[begin : begin + length]
        return length

    def _sort(self, documents: Iterable[Document]) -> tuple[set[str], dict[str, bytes]]:
        """The digests in use, and the parts that are not stored yet."""
        grouped: dict[int, list[Document]] = {}
        for document in documents:
            grouped.setdefault(id(document.source), []).append(document)
        used, fresh = set(), {}
        for group in grouped.values():
            source = group[0].source
            name = source.digest.hex()
            used.add(name)
            if name and name not in self._index and source.clean and source.documents == len(group):
                fresh[name] = part_of(group)
        return used, fresh

    def _read(self) -> None:
        try:
            data = self._path.read_bytes()
        except OSError:
            return
        begin = len(_MAGIC) + 32
        digest = data[len(_MAGIC) : begin]
        body = memoryview(data)[begin:]
        if not data.startswith(_MAGIC) or digest != blake2b(body, digest_size=32).digest():
            return
        with contextlib.suppress(struct.error, orjson.JSONDecodeError):
            (length,) = _LENGTH.unpack_from(body)
            self._index = orjson.loads(body[_LENGTH.size : _LENGTH.size + length])
            self._data = body[_LENGTH.size + length :]

    def _write(self, parts: Mapping[str, bytes | memoryview]) -> None:
        index: dict[str, tuple[int, int]] = {}
        begin = 0
        for name, part in parts.items():
            index[name] = (begin, len(part))
            begin += len(part)
        head = orjson.dumps(index)
        body = b"".join((_LENGTH.pack(len(head)), head, *parts.values()))
        make_private(self._path.parent)
        write_atomically(self._path, (_MAGIC, blake2b(body, digest_size=32).digest(), body))
        self._index, self._data = index, memoryview(body)[_LENGTH.size + len(head) :]


def part_of(documents: list[Document]) -> bytes:
    """All documents of one file as one part of the store."""
    rows: list[tuple[int, Any, int]] = [(item.index, item.value, len(item.positions)) for item in documents]
    text = orjson.dumps(rows)
    return b"".join((_LENGTH.pack(len(text)), text, *(item.positions.tobytes() for item in documents)))


def documents_of(part: memoryview | bytes, source: Source) -> list[Document]:
    """The documents of one part; the opposite of `part_of`."""
    (length,) = _LENGTH.unpack_from(part)
    cut = _LENGTH.size + length
    found = []
    for index, value, count in orjson.loads(part[_LENGTH.size : cut]):
        positions = array("i")
        positions.frombytes(part[cut : cut + count * positions.itemsize])
        cut += count * positions.itemsize
        found.append(Document(source.name, index, value, positions, source))
    source.documents = len(found)
    return found
