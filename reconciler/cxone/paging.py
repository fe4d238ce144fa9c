"""Listing a whole collection, in any of the three styles (contract: Common rules).

A plan concludes from what a listing lacks, so a listing is complete and consistent or it fails: every page must come, agree with
the others on the total and on the collection's ETag, be full, and repeat no id. What moved meanwhile is listed again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.resource import Observed
from reconciler.cxone.answers import Unusable, error_inside, read_items, strong_etag
from reconciler.cxone.concurrently import for_each
from reconciler.cxone.message import Answer
from reconciler.cxone.routes import wire_of
from reconciler.cxone.sender import NOT_MODIFIED
from reconciler.cxone.settings import PaginationStyle
from reconciler.cxone.text import Redact
from reconciler.errors import BadAnswer, UnstableListing

REPEATS = 3
"""How often a collection that moved while it was paged is listed again."""

MOST_RESOURCES = 1_000_000
"""How many resources of one kind are listed; what goes on beyond is taken for a listing without an end."""

Query = Mapping[str, str | int]
Fetch = Callable[[Query, str], Awaitable[Answer]]
"""Gets one page, by the query parameters of the style, and by an ETag with which the answer may be 304 (empty: none)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All resources of a collection, in the server's order, and the collection's ETag (empty where it has none)."""

    items: list[Observed]
    etag: str = ""


class _Unchanged(Exception):
    """The collection is still as it was when it was listed last."""


class _Moved(Exception):
    """Two pages do not belong to one state of the collection; the text says how that shows."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: its items, the total that it tells, the collection's ETag, and what it says comes next."""

    items: list[Observed]
    total: int | None
    etag: str
    following: Any


class Pager:
    """Lists the collection of one kind; ``label`` names the request in messages, ``at_once`` bounds pages in flight."""

    def __init__(
        self, kind: Kind, style: PaginationStyle, fetch: Fetch, *, size: int, at_once: int, label: str, redact: Redact
    ) -> None:
        self._kind = kind
        self._style = style
        self._fetch = fetch
        self._size = size
        self._at_once = at_once
        self._label = label
        self._redact = redact
        self._known = ""
        self._ids: set[str] = set()

    async def all(self, known: Listing | None = None) -> Listing:
        """Give all resources; raises `UnstableListing`, `BadAnswer`, or what fetching a page raises.

        ``known`` is an earlier listing: it comes back itself where the server says that nothing has changed since (RFC 9110
        §13.1.2), which costs one request without a body.
        """
        self._known = known.etag if known is not None else ""
        reason = ""
        for _ in range(1 + REPEATS):
            self._ids.clear()
            try:
                found = await (self._scroll() if self._style == "token" else self._numbered())
            except _Unchanged:
                assert known is not None
                return known
            except _Moved as moved:
                reason = str(moved)
                continue
            return found
        raise UnstableListing(
            f"{self._label} kept changing while it was read, {1 + REPEATS} times in a row ({reason})",
            fix="run again when fewer changes are made in the tenant",
        )

    async def _numbered(self) -> Listing:
        """Styles ``page`` and ``offset``: once the first page tells the total, the others are fetched at once."""
        first = await self._page(1, self._size, 0, self._known)
        if first.total is None:
            raise self._bad("it tells no total")
        size = len(first.items)
        if first.total == size:
            _expect_end(first)
            return Listing(first.items, first.etag)
        if first.total < size or size == 0:
            raise _Moved(f"a page of {size} and a total of {first.total}")
        if first.total > MOST_RESOURCES:
            raise self._endless()
        count = -(-first.total // size)
        pages: dict[int, list[Observed]] = {1: first.items}

        async def fetch(number: int) -> None:
            page = await self._page(number, size, (number - 1) * size)
            _expect_same(first, page)
            if number == count:
                _expect_end(page)
            if len(page.items) != min(size, (first.total or 0) - (number - 1) * size):
                raise _Moved(f"page {number} has {len(page.items)} items")
            pages[number] = page.items

        await for_each(range(2, count + 1), fetch, at_once=min(self._at_once, count - 1))
        return Listing([item for number in range(1, count + 1) for item in pages[number]], first.etag)

    async def _scroll(self) -> Listing:
        """Style ``token``: each page names the next, so they come one after the other."""
        query: dict[str, str | int] = {"pageSize": self._size}
        found: list[Observed] = []
        first: _Page | None = None
        while True:
            page = self._read(await self._fetch(query, "" if first else self._known), len(found))
            first = first or page
            _expect_same(first, page)
            found += page.items
            if not page.following or not page.items:
                break
            if len(found) > MOST_RESOURCES:
                raise self._endless()
            if first.total is not None and len(found) > first.total:
                raise _Moved(f"more than the total of {first.total}")
            if not isinstance(page.following, str):
                raise self._bad("scrollToken is no string")
            query["scrollToken"] = page.following
        if first.total not in (None, len(found)):
            raise _Moved(f"{len(found)} resources and a total of {first.total}")
        return Listing(found, first.etag)

    async def _page(self, number: int, size: int, skip: int, known: str = "") -> _Page:
        query: Query = {"page": number, "pageSize": size}
        if self._style == "offset":
            query = {"skip": skip, "top": size}
        return self._read(await self._fetch(query, known), skip)

    def _read(self, answer: Answer, first: int) -> _Page:
        """Read one page whose items count from ``first``; raises `BadAnswer` saying what is wrong and where."""
        if answer.status == NOT_MODIFIED:
            raise _Unchanged
        body = answer.value
        if not isinstance(body, dict):
            raise self._bad("it is no object", answer)
        if problem := error_inside(body, self._redact):
            raise self._bad(problem, answer)
        key = "data" if self._style == "token" else wire_of(self._kind).items_key
        items = body.get(key)
        if not isinstance(items, list):
            raise self._bad(f"{key} is {'no array' if key in body else 'missing'}", answer)
        total_key, following = _hints(self._style, body)
        total = body.get(total_key)
        if total is not None and (type(total) is not int or total < 0):
            raise self._bad(f"{total_key} is no count", answer)
        try:
            found = read_items(self._kind, items, first)
        except Unusable as error:
            raise self._bad(f"{key}: {error}", answer) from error
        known = len(self._ids)
        self._ids.update([item.id for item in found])
        if len(self._ids) < known + len(found):
            # At once, and not when all pages are there: a server that is broken may have no last page.
            raise _Moved("a resource stands on two pages")
        return _Page(found, total, strong_etag(answer.headers.get("etag")), following)

    def _endless(self) -> BadAnswer:
        return self._bad(f"it goes on beyond {MOST_RESOURCES:,} resources")

    def _bad(self, problem: str, answer: Answer | None = None) -> BadAnswer:
        request = f" (request {answer.request_id})" if answer is not None else ""
        return BadAnswer(
            f"{self._label} was answered with something that is no page of a listing: {problem}{request}",
            fix="check url, api.paths and api.pagination of the target",
            status=answer.status if answer is not None else None,
            request_id=answer.request_id if answer is not None else "",
        )


def _hints(style: PaginationStyle, body: Mapping[str, Any]) -> tuple[str, Any]:
    """The key of the total, and what the page says comes after it."""
    if style == "page":
        return "total", body.get("nextPage")
    if style == "offset":
        links = body.get("_links")
        return "totalRecords", links.get("next") if isinstance(links, dict) else None
    return "hits", body.get("scrollToken")


def _expect_same(first: _Page, page: _Page) -> None:
    if page.total != first.total:
        raise _Moved(f"totals {first.total} and {page.total}")
    if page.etag != first.etag:
        raise _Moved("the collection's ETag changed")


def _expect_end(page: _Page) -> None:
    if page.following:
        raise _Moved("more pages than the total allows for")
