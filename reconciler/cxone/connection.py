"""One connection to a server (HTTP/1.1, RFC 9112): a request goes out whole, its answer comes back piece by piece.

Waiting is bounded by timers, without a task or a
scope for each: a job sends thousands of requests, and most of their time went there.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from typing import Any, Final, cast

import httptools

from reconciler.cxone.exchange import Broken, NoAnswer, TooLarge

MAX_HEAD_BYTES: Final = 100 * 1024
"""Bytes in which an answer's headers must end."""

MAX_WAITING_BYTES: Final = 512 * 1024
"""Bytes of an answer that may wait to be taken before the server is held back."""

_BLANK: Final = b" \t"
_ENCODING: Final = b"transfer-encoding"
_NO_BODY: Final = frozenset({204, 304})
_FINAL: Final = 200


class Connection(asyncio.Protocol):
    """Carries one request at a time; `idle` says whether it can carry another one. ``among`` holds it while it is open."""

    def __init__(self, among: set[Connection]) -> None:
        self._among = among
        self._loop = asyncio.get_running_loop()
        self._gone = self._loop.create_future()
        self._transport: asyncio.Transport = cast("Any", None)
        self._waiter: asyncio.Future[None] | None = None
        self._held_back = self._stopped = self._lost = False
        self._begin("", 0.0)
        self._complete = True

    def _begin(self, method: str, read_seconds: float) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._method, self._read_seconds = method, read_seconds
        self._head: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._status = 0
        self._until_close = False
        self._pieces: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._complete = self._again = False
        self._error: Exception | None = None

    async def ask(
        self, method: str, request: bytes, *, write_seconds: float, read_seconds: float
    ) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Send a request and give status and headers of the answer. Raises `ExchangeError`."""
        self._begin(method, read_seconds)
        if self._lost:
            raise Broken("the server closed the connection")
        self._transport.write(request)
        while self._held_back and not self._status and self._error is None:
            await self._happens(write_seconds)
        while not self._status:
            if self._error is not None:
                raise self._error
            await self._happens(read_seconds)
        return self._status, self._head

    async def whole(self, most: int) -> bytes:
        """The answer's body in one piece, still encoded.

        Raises `ExchangeError` where it does not come whole, and `TooLarge` for more than ``most`` bytes.
        """
        taken: list[bytes] = []
        size = 0
        while True:
            while self._pieces:
                taken.append(self._next())
                size += len(taken[-1])
                if size > most:
                    raise TooLarge(self._status)
            if self._complete:
                return taken[0] if len(taken) == 1 else b"".join(taken)
            await self._more()

    def _next(self) -> bytes:
        """The next piece that waits; the server may go on once none does."""
        piece = self._pieces.popleft()
        self._waiting_bytes -= len(piece)
        if not self._waiting_bytes and self._stopped and not self._lost:
            self._stopped = False
            self._transport.resume_reading()
        return piece

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        await self._happens(self._read_seconds)

    @property
    def idle(self) -> bool:
        """Whether it is free, and the server said nothing since: not even that it is leaving."""
        return self.free and not _has_something(self._transport.get_extra_info("socket"))

    @property
    def free(self) -> bool:
        """Whether the last exchange ended so that another one can follow."""
        return (
            self._complete
            and self._again
            and self._error is None
            and not self._lost
            and not self._held_back
            and not self._transport.is_closing()
        )

    def close(self) -> None:
        """Let go of the connection at once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Wait until nothing is left of a connection that was closed."""
        await self._gone

    async def _happens(self, seconds: float) -> None:
        """Wait until anything happens on the connection."""
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, _expire, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        self._among.add(self)

    def data_received(self, data: bytes) -> None:
        """Take what the server says (asyncio)."""
        if self._complete:
            # Nobody asked: whatever it is, it is no answer to the next request.
            self._again = False
            self.close()
            return
        if not self._status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._fail(Broken("the server changes to another protocol, which nobody asked for"), error)
        except httptools.HttpParserError as error:
            self._fail(Broken(f"the answer is no HTTP/1.1: {error}"), error)
        if not self._status and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(Broken(f"the answer's headers take more than {MAX_HEAD_BYTES} bytes"))
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._stopped = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The server has nothing more to say (asyncio)."""
        self._ended(None)

    def connection_lost(self, error: Exception | None) -> None:
        """End (asyncio)."""
        self._lost = True
        self._among.discard(self)
        self._ended(error)
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """Some of the request waits to be taken (asyncio)."""
        self._held_back = True

    def resume_writing(self) -> None:
        """All of the request is on its way (asyncio)."""
        self._held_back = False
        self._wake()

    def on_message_begin(self) -> None:
        """An answer begins (httptools); a second one was not asked for."""
        if self._complete:
            self._again = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (httptools); those behind the body are none of the answer's."""
        if not self._status:
            self._head.append((name, value.strip(_BLANK)))

    def on_headers_complete(self) -> None:
        """Take the status (httptools). Interim answers say nothing that matters here, and protocols are not switched."""
        status = self._parser.get_status_code()
        if self._complete or self._status:
            return
        if status < _FINAL:
            self._head = []
            return
        self._status = status
        names = {name.lower() for name, _ in self._head}
        if self._method == "HEAD":
            self._complete = True
        elif status not in _NO_BODY and b"content-length" not in names:
            chunked = any(b"chunked" in value.lower() for name, value in self._head if name.lower() == _ENCODING)
            self._until_close = not chunked

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body (httptools)."""
        if not self._complete:
            self._pieces.append(data)
            self._waiting_bytes += len(data)

    def on_message_complete(self) -> None:
        """The answer is whole (httptools)."""
        if self._status and not self._complete:
            self._complete = True
            self._again = self._parser.should_keep_alive()

    def _ended(self, error: Exception | None) -> None:
        if self._status and self._until_close and error is None:
            self._complete = True
        elif not self._complete and error is not None:
            self._fail(Broken(str(error)), error)
        elif not self._complete:
            missing = "before its answer was whole" if self._status else "without an answer"
            self._fail(Broken(f"the server closed the connection {missing}"))
        self._again = False
        self._wake()

    def _fail(self, error: Exception, cause: BaseException | None = None) -> None:
        """What was not whole yet never will be; the first reason stands."""
        if self._complete:
            self._again = False
        elif self._error is None:
            error.__cause__ = cause
            self._error = error
        self.close()


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(NoAnswer("no answer came in time"))


def _has_something(socket: Any) -> bool:
    """Whether a connection that should be silent has something to read, be it its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([socket], [], [], 0)[0])
