"""The working set of one kind: rows with their JSON ready to be sent, in the order of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

_MODULUS = 1 << 128


@dataclass(frozen=True, slots=True)
class Row:
    """One resource as lists need it. ``shown`` is its JSON as read back, without the ETag; ``etag`` is hexadecimal."""

    kind: str
    id: str
    name: str
    etag: str
    refs: tuple[str, ...]
    shown: bytes


def shown_json(row: Row, *, show_etag: bool) -> bytes:
    """Give a resource's JSON, with the ETag as its last member where it is wanted."""
    return b'%b,"etag":"%b"}' % (row.shown[:-1], row.etag.encode()) if show_etag else row.shown


class Collection:
    """The resources of one kind. Reading a page costs a slice and a join, whatever the size of the collection."""

    def __init__(self, *, show_etags: bool) -> None:
        self.rows: dict[str, Row] = {}
        self._show_etags = show_etags
        self._items: dict[str, bytes] = {}
        self._ids_by_name: dict[str, str] = {}
        self._order: list[str] | None = []
        # ETags are keyed hashes over id and content, so that their sum identifies the set and is kept up in O(1).
        self._sum = 0

    def get(self, id_: str) -> Row | None:
        """Give the resource with an id."""
        return self.rows.get(id_)

    def named(self, name: str) -> Row | None:
        """Give the resource with a name."""
        id_ = self._ids_by_name.get(name)
        return None if id_ is None else self.rows[id_]

    def item(self, id_: str) -> bytes:
        """Give the JSON of a resource, ready to be sent; made when first asked for, as most starts read little."""
        item = self._items.get(id_)
        if item is None:
            item = self._items[id_] = shown_json(self.rows[id_], show_etag=self._show_etags)
        return item

    def put(self, row: Row) -> None:
        """Add or replace a resource."""
        old = self.rows.get(row.id)
        if old is None:
            self._order = None
        else:
            self._sum -= int(old.etag, 16)
            if self._ids_by_name.get(old.name) == row.id:  # else another one has taken the name over meanwhile
                del self._ids_by_name[old.name]
        self.rows[row.id] = row
        self._items.pop(row.id, None)
        self._ids_by_name[row.name] = row.id
        self._sum = (self._sum + int(row.etag, 16)) % _MODULUS

    def remove(self, id_: str) -> None:
        """Take a resource out; none is no error."""
        row = self.rows.pop(id_, None)
        if row is None:
            return
        self._items.pop(id_, None)
        self._order = None
        if self._ids_by_name.get(row.name) == id_:
            del self._ids_by_name[row.name]
        self._sum = (self._sum - int(row.etag, 16)) % _MODULUS

    def order(self) -> list[str]:
        """Give all ids in order; not to be changed."""
        if self._order is None:
            self._order = sorted(self.rows)
        return self._order

    def etag(self) -> str:
        """Give the ETag of the whole collection: it changes when a member's does, and with membership."""
        state = b"%d:%x" % (len(self.rows), self._sum)
        return blake2b(state, digest_size=16).hexdigest()
