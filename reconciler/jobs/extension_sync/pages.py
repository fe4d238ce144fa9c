"""The records that are offered to the tenant: pages on disk, so that their number costs no memory, and the server of them."""

from __future__ import annotations

import hmac
import os
import secrets
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import anyio
import orjson
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from reconciler.errors import ResumeImpossible, StorageError
from reconciler.jobs.folder import JobFolder

PAGES: Final = "pages.spool"
INDEX: Final = "pages.index"

PAGE_BYTES: Final = 4 * 1024 * 1024
"""A page is closed at this size even where it could hold more records."""

_PART: Final = 256 * 1024
_END: Final = struct.Struct("<Q")


class PageWriter:
    """Writes records, as JSON texts, into pages of at most ``page_records``; use it as a context manager.

    The index holds where each page ends. Raises `StorageError` for a full disk.
    """

    def __init__(self, folder: JobFolder, page_records: int) -> None:
        self._folder, self._page_records = folder, page_records
        self._files: list[IO[bytes]] = []
        self._in_page = 0
        self._page_began = 0
        self._position = 0
        self.records = 0

    def __enter__(self) -> PageWriter:
        with _storing(self._folder):
            for name in (PAGES, INDEX):
                handle = os.open(self._folder.make() / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                self._files.append(os.fdopen(handle, "wb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _storing(self._folder):
            if kind is None:
                self._end_page()
                for file in self._files:
                    file.flush()
                    os.fsync(file.fileno())
            for file in self._files:
                file.close()

    def add(self, records: Iterable[bytes]) -> None:
        """Add records, JSON objects as text."""
        with _storing(self._folder):
            for record in records:
                if self._in_page == self._page_records or self._position - self._page_began >= PAGE_BYTES:
                    self._end_page()
                self._position += self._files[0].write(b"," if self._in_page else b"[")
                self._position += self._files[0].write(record)
                self._in_page += 1
                self.records += 1

    def _end_page(self) -> None:
        """Close the page in hand; without any record at all there is one, which is empty."""
        if not self._in_page and self._position:
            return
        self._position += self._files[0].write(b"]" if self._in_page else b"[]")
        self._files[1].write(_END.pack(self._position))
        self._in_page, self._page_began = 0, self._position


class Pages:
    """Pages that were written whole. Raises `ResumeImpossible` where they are not there any more."""

    def __init__(self, folder: JobFolder) -> None:
        self._path = folder.path / PAGES
        try:
            index = (folder.path / INDEX).read_bytes()
            size = self._path.stat().st_size
        except OSError as error:
            raise _gone(folder) from error
        self._index = index
        if not index or len(index) % _END.size or self._place(len(self) - 1)[1] != size:
            raise _gone(folder)

    def __len__(self) -> int:
        return len(self._index) // _END.size

    def _place(self, number: int) -> tuple[int, int]:
        """Where a page begins and ends, in bytes."""
        begin = _END.unpack_from(self._index, (number - 1) * _END.size)[0] if number else 0
        return int(begin), int(_END.unpack_from(self._index, number * _END.size)[0])

    def size(self, number: int) -> int:
        """Bytes of a page's array."""
        begin, end = self._place(number)
        return end - begin

    async def parts(self, number: int) -> AsyncIterator[bytes]:
        """The JSON array of a page, part by part."""
        begin, end = self._place(number)
        async with await anyio.open_file(self._path, "rb") as file:
            await file.seek(begin)
            while begin < end:
                part = await file.read(min(_PART, end - begin))
                begin += len(part)
                yield part

    def records(self) -> Iterator[dict[str, Any]]:
        """All records, read page by page."""
        with self._path.open("rb") as file:
            for number in range(len(self)):
                yield from orjson.loads(file.read(self.size(number)))


class PageServer:
    """The ASGI application: ``GET …/<token>/<number>`` answers ``{"records": […], "next": URL or null}`` (contract: Operations).

    ``url`` is where the tenant reaches it. Whoever does not know the token finds nothing.
    """

    def __init__(self, pages: Pages, url: str, token: str) -> None:
        self._pages, self._url, self._token = pages, url.rstrip("/"), token.encode()

    def address(self, number: int) -> str:
        """The URL of a page."""
        return f"{self._url}/{self._token.decode()}/{number}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        token, _, number = scope["path"].rpartition("/")
        token = token.rpartition("/")[2]
        known = hmac.compare_digest(token.encode("utf-8", "replace"), self._token)
        if (
            not known
            or not number.isascii()
            or not number.isdigit()
            or len(number) > 9
            or int(number) >= len(self._pages)
        ):
            return Response(status_code=404)
        if scope["method"] != "GET":
            return Response(status_code=405, headers={"Allow": "GET"})
        begin, end = b'{"records":', self._end(int(number))
        length = len(begin) + self._pages.size(int(number)) + len(end)

        async def body() -> AsyncIterator[bytes]:
            yield begin
            async for part in self._pages.parts(int(number)):
                yield part
            yield end

        headers = {"Content-Length": str(length), "Cache-Control": "no-store"}
        return StreamingResponse(body(), headers=headers, media_type="application/json")

    def _end(self, number: int) -> bytes:
        following = self.address(number + 1) if number + 1 < len(self._pages) else None
        return b',"next":%b}' % orjson.dumps(following)


def new_token() -> str:
    """A path that nobody guesses."""
    return secrets.token_urlsafe(32)


def drop_pages(folder: JobFolder) -> None:
    """Remove the pages: nobody needs them any more, and they hold people's data."""
    folder.remove(PAGES)
    folder.remove(INDEX)


def _gone(folder: JobFolder) -> ResumeImpossible:
    return ResumeImpossible(
        f"the records that {folder.key} offered to the tenant are not on disk any more",
        fix="run the job anew, without --resume",
    )


class _storing:  # noqa: N801 - a context manager that reads as a verb
    """Turn what the disk refuses into `StorageError`."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise StorageError(
                f"the records of {self._folder.key} cannot be written: {error.strerror or error}",
                fix=f"make room on the disk of {Path(self._folder.path)}",
            ) from error
