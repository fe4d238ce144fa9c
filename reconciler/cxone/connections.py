"""Connections to servers, kept and used again: the way without a proxy.

They cost a fifth of what httpx2's own transport does. How many there are at a time is the limiter's business, which lets no
more requests leave than the target may be sent at once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Final

import anyio
import httpx2 as httpx

from reconciler.cxone.connection import Connection
from reconciler.cxone.dialing import dial
from reconciler.cxone.head import Origin, address_of, merged, origin_of, written
from reconciler.cxone.whole import read_whole

_CLOSING_SECONDS: Final = 1.0
"""How long the end waits for connections to be gone."""


class ConnectionTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections of its own; an idle one is let go after ``keep_alive`` seconds."""

    def __init__(self, context: ssl.SSLContext, keep_alive: float) -> None:
        self._context = context
        self._keep_alive = keep_alive
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._open: set[Connection] = set()
        context.set_alpn_protocols(["http/1.1"])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Give the answer to a request, its body still to be read. Raises `httpx2.TransportError`."""
        origin = origin_of(request.url)
        sent = _written(request)
        seconds = request.extensions["timeout"]
        connection = self._kept(origin) or await self._connected(origin, seconds["connect"])
        try:
            status, headers = await connection.ask(
                request.method, sent, write_seconds=seconds["write"], read_seconds=seconds["read"]
            )
        except BaseException:
            self._release(origin, connection, again=False)
            raise
        return httpx.Response(status, headers=headers, stream=_Body(self, origin, connection))

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        seconds: Mapping[str, float],
        most: int,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request and give status, headers (by lower-case names) and body of its answer, decompressed.

        ``seconds`` are as in httpx2's extension "timeout". Raises `httpx2.TransportError`, `httpx2.InvalidURL`, and `TooLarge`
        for a body of more than ``most`` bytes.
        """
        origin, host, path = address_of(url)
        request = written(method, host, path, headers, content)
        connection = self._kept(origin) or await self._connected(origin, seconds["connect"])
        whole = False
        try:
            status, fields = await connection.ask(
                method, request, write_seconds=seconds["write"], read_seconds=seconds["read"]
            )
            found = merged(fields)
            if "content-encoding" in found:
                body = await read_whole(httpx.Response(status, headers=fields, stream=_Pieces(connection)), most)
            else:
                body = await connection.whole(most)
            whole = True
        finally:
            self._release(origin, connection, again=whole)
        return status, found, body

    async def aclose(self) -> None:
        """Close all connections."""
        self._idle.clear()
        going = list(self._open)
        for connection in going:
            connection.close()
        with anyio.move_on_after(_CLOSING_SECONDS, shield=True):
            for connection in going:
                await connection.gone()

    def _kept(self, origin: Origin) -> Connection | None:
        """The idle connection that was used last, unless it is too old or the server let go of it."""
        kept = self._idle.get(origin, [])
        oldest = time.monotonic() - self._keep_alive
        while kept:
            since, connection = kept.pop()
            if since > oldest and connection.idle:
                return connection
            connection.close()
        return None

    def _release(self, origin: Origin, connection: Connection, *, again: bool) -> None:
        if again and connection.free:
            self._idle.setdefault(origin, []).append((time.monotonic(), connection))
        else:
            connection.close()

    async def _connected(self, origin: Origin, seconds: float) -> Connection:
        scheme, host, port = origin
        secure = scheme == "https"
        try:
            with anyio.fail_after(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    partial(Connection, self._open),
                    sock=await dial(host, port),
                    ssl=self._context if secure else None,
                    server_hostname=host if secure else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection was made in time") from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        return connection


class _Pieces(httpx.AsyncByteStream):
    """The body of an answer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._connection.pieces():
            yield piece


class _Body(_Pieces):
    """The same for those who read it themselves; its connection is used again once all of it was read."""

    def __init__(self, transport: ConnectionTransport, origin: Origin, connection: Connection) -> None:
        super().__init__(connection)
        self._transport, self._origin = transport, origin
        self._open = True

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._transport._release(self._origin, self._connection, again=True)  # noqa: SLF001 - the other half of it


def _written(request: httpx.Request) -> bytes:
    """A request as it goes over the wire. Raises `httpx2.LocalProtocolError` for a header that would be more than one."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % item for item in request.headers.raw]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise httpx.LocalProtocolError("a header holds a character that no header may hold")
    return b"%b\r\n\r\n%b" % (head, request.content)
