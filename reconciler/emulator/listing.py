"""The three styles of paging through a collection (contract: Common rules). A page is joined from ready JSON."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from hashlib import blake2b
from urllib.parse import urlencode

import orjson

from reconciler.emulator.collection import Collection
from reconciler.emulator.errors import bad_request
from reconciler.emulator.settings import MAX_PAGE_SIZE, Pagination

Query = Mapping[str, str]

_MAX_NUMBER = 2**53


def _number(query: Query, name: str, default: int, lowest: int, highest: int = _MAX_NUMBER) -> int:
    text = query.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else lowest - 1
    if not lowest <= value <= highest:
        raise bad_request(name, f"must be a whole number from {lowest} to {highest}")
    return value


def _chosen(collection: Collection, query: Query) -> list[str]:
    """Give the ids that the ``name`` filter leaves."""
    name = query.get("name")
    if name is None:
        return collection.order()
    row = collection.named(name)
    return [] if row is None else [row.id]


def _array(collection: Collection, ids: list[str]) -> bytes:
    return b"[" + b",".join([collection.item(id_) for id_ in ids]) + b"]"


class Listing:
    """Answers ``GET`` of a collection in the style that the emulator was told to use.

    ``key`` signs scroll tokens, so that a made-up one is told from one that was given out.
    """

    def __init__(self, style: Pagination, page_size: int, key: bytes) -> None:
        self._page_size = page_size
        self._key = key
        self.answer = {"page": self._page, "offset": self._offset, "token": self._token}[style]
        """(collection, query, path) → the JSON body; raises the 400 for parameters out of range."""

    def _page(self, collection: Collection, query: Query, _path: str) -> bytes:
        page = _number(query, "page", 1, 1)
        size = _number(query, "pageSize", self._page_size, 1, MAX_PAGE_SIZE)
        ids = _chosen(collection, query)
        start = (page - 1) * size
        following = b"%d" % (page + 1) if start + size < len(ids) else b"null"
        return b'{"items":%b,"page":%d,"pageSize":%d,"total":%d,"nextPage":%b}' % (
            _array(collection, ids[start : start + size]),
            page,
            size,
            len(ids),
            following,
        )

    def _offset(self, collection: Collection, query: Query, path: str) -> bytes:
        skip = _number(query, "skip", 0, 0)
        top = _number(query, "top", self._page_size, 1, MAX_PAGE_SIZE)
        ids = _chosen(collection, query)
        links: dict[str, str | None] = {"next": None}
        if skip + top < len(ids):
            kept = {"name": query["name"]} if "name" in query else {}
            links["next"] = f"{path}?{urlencode(kept | {'skip': skip + top, 'top': top})}"
        return b'{"items":%b,"totalRecords":%d,"_links":%b}' % (
            _array(collection, ids[skip : skip + top]),
            len(ids),
            orjson.dumps(links),
        )

    def _token(self, collection: Collection, query: Query, path: str) -> bytes:
        """Go on after the last id that was given, so that what is deleted meanwhile makes nothing be left out."""
        size = _number(query, "pageSize", self._page_size, 1, MAX_PAGE_SIZE)
        ids = _chosen(collection, query)
        text = query.get("scrollToken")
        after = "" if text is None else self._read_token(text, path)
        rest = [id_ for id_ in ids if id_ > after] if after else ids
        page = rest[:size]
        token = self._make_token(page[-1], path) if len(rest) > size else None
        data = _array(collection, page)
        return b'{"hits":%d,"data":%b,"scrollToken":%b}' % (len(ids), data, orjson.dumps(token))

    def _signature(self, last: bytes, path: str) -> bytes:
        return blake2b(last + b"\0" + path.encode(), key=self._key, digest_size=12).digest()

    def _make_token(self, last: str, path: str) -> str:
        return base64.urlsafe_b64encode(self._signature(last.encode(), path) + last.encode()).decode().rstrip("=")

    def _read_token(self, text: str, path: str) -> str:
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        signature, last = raw[:12], raw[12:]
        if not last or not hmac.compare_digest(signature, self._signature(last, path)):
            raise bad_request("scrollToken", "is not a token of this collection")
        return last.decode()
