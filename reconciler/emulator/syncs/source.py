"""Reading a sync's source: pages of records from a loopback address, one GET each."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import orjson

from reconciler.emulator.fields import Json
from reconciler.emulator.syncs.loopback import refusal
from reconciler.emulator.syncs.progress import SyncFailedError

if TYPE_CHECKING:
    import httpx2

MAX_PAGE_BYTES = 64 * 1024 * 1024
_PAGE_SECONDS = 30.0


class SourceBusyError(Exception):
    """A page could not be had just now: asking again may help."""


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one page as they came, and the URL of the next one."""

    records: list[Json]
    next: str | None


@asynccontextmanager
async def http_client() -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client that goes where it is told and nowhere else: no proxy, no redirect, no cookie of another call."""
    import httpx2

    # An empty context costs nothing, where loading the machine's certificates would for addresses that use none.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx2.AsyncClient(
        trust_env=False, verify=context, follow_redirects=False, timeout=_PAGE_SECONDS
    ) as http:
        yield http


async def read_page(http: httpx2.AsyncClient, url: str) -> Page:
    """Read one page.

    Raises SourceBusyError for what may pass, and SyncFailedError for what will not.
    """
    import httpx2

    reason = refusal(url)
    if reason is not None:
        raise SyncFailedError("SOURCE_REFUSED", f"{url} {reason}")
    try:
        async with (
            asyncio.timeout(_PAGE_SECONDS),
            http.stream("GET", url, headers={"Accept": "application/json"}) as got,
        ):
            status = got.status_code
            body = await _read(got) if got.is_success else b""
    except httpx2.InvalidURL as error:
        raise SyncFailedError("SOURCE_REFUSED", f"{url} is not a URL") from error
    except (httpx2.HTTPError, TimeoutError) as error:
        raise SourceBusyError(f"{url} does not answer: {str(error) or type(error).__name__}") from error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise SourceBusyError(f"{url} answered {status}")
    if not 200 <= status < 300:
        raise SyncFailedError("SOURCE_UNAVAILABLE", f"{url} answered {status}")
    return parse_page(url, body)


async def _read(response: httpx2.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_PAGE_BYTES:
            raise SyncFailedError("SOURCE_INVALID", f"a page has more than {MAX_PAGE_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def parse_page(url: str, body: bytes) -> Page:
    """Read a page's body: an array of records, or ``{"records": [...], "next": URL or null}``; may be relative."""
    try:
        page = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SyncFailedError("SOURCE_INVALID", f"{url} did not answer with JSON: {error}") from error
    if isinstance(page, list):
        return Page(page, None)
    records = page.get("records") if isinstance(page, dict) else None
    if not isinstance(records, list):
        raise SyncFailedError("SOURCE_INVALID", f"{url} answered neither an array nor an object with records")
    following = page.get("next")
    if following is not None and not isinstance(following, str):
        raise SyncFailedError("SOURCE_INVALID", f"{url} answered with a next that is neither a URL nor null")
    try:
        return Page(records, urljoin(url, following) if following else None)
    except ValueError as error:
        raise SyncFailedError("SOURCE_INVALID", f"{url} answered with a next that is no URL") from error
