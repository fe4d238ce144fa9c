"""Connections to servers, kept and used again: the way without a proxy.

They cost a fifth of what an HTTP library's do. How many there are at a time is the limiter's business, which lets no
more requests leave than the target may be sent at once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

import anyio

from reconciler.cxone.compression import expanded
from reconciler.cxone.connection import Connection
from reconciler.cxone.dialing import Dialer
from reconciler.cxone.exchange import ConnectTimeout, NotConnected, NoTls, Seconds
from reconciler.cxone.head import Origin, address_of, merged, written

_CLOSING_SECONDS: Final = 1.0
"""How long the end waits for connections to be gone."""


class ConnectionTransport:
    """Sends requests over connections of its own; an idle one is let go after ``keep_alive`` seconds."""

    def __init__(self, context: ssl.SSLContext, keep_alive: float) -> None:
        self._context = context
        self._keep_alive = keep_alive
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._open: set[Connection] = set()
        self._dialer = Dialer()
        context.set_alpn_protocols(["http/1.1"])

    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, seconds: Seconds, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """As `reconciler.cxone.exchange.Transport` has it."""
        origin, host, path = address_of(url)
        request = written(method, host, path, headers, content)
        connection = self._kept(origin) or await self._connected(origin, seconds.connect)
        whole = False
        try:
            status, fields = await connection.ask(
                method, request, write_seconds=seconds.write, read_seconds=seconds.read
            )
            found = merged(fields)
            body = await connection.whole(most)
            whole = True
        finally:
            self._release(origin, connection, again=whole)
        return status, found, expanded(status, found.get("content-encoding", ""), body, most)

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
                socket = await self._dialer.dial(host, port)
                try:
                    _, connection = await asyncio.get_running_loop().create_connection(
                        partial(Connection, self._open),
                        sock=socket,
                        ssl=self._context if secure else None,
                        server_hostname=host if secure else None,
                    )
                except ConnectionError as error:
                    if secure:
                        raise NoTls("the server ended the connection while TLS was being set up") from error
                    raise
        except TimeoutError as error:
            raise ConnectTimeout("no connection was made in time") from error
        except (OSError, UnicodeError) as error:
            raise NotConnected(str(error)) from error
        return connection
