"""Exchanges by way of httpx2: through a proxy, and with an application in this process.

Its requests go to the transport itself, without ``httpx2.AsyncClient`` around it: its redirects, cookies, ``.netrc`` and proxy
variables are all things that must not happen to a request with credentials.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx

from reconciler.core.addresses import server_problem
from reconciler.cxone import exchange
from reconciler.cxone.compression import expanded
from reconciler.cxone.exchange import Seconds, TooLarge
from reconciler.cxone.head import joined


class LibraryTransport:
    """Sends requests over a transport of httpx2."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    @classmethod
    def embedded(cls, app: Any) -> LibraryTransport:
        """One that drives an ASGI application in this process."""
        return cls(_Embedded(app))

    @classmethod
    def proxied(cls, url: str, context: ssl.SSLContext, *, connections: int, keep_alive: float) -> LibraryTransport:
        """One that goes through a proxy. Raises `ValueError` for an address that cannot be one."""
        if problem := server_problem(url, credentials=True):
            raise ValueError(f"the proxy's address {problem}")
        try:
            proxy = httpx.Proxy(url, ssl_context=context if url.startswith("https:") else None)
            limits = httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=keep_alive
            )
            return cls(httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits, trust_env=False))
        except (ImportError, httpx.InvalidURL) as error:
            raise ValueError(str(error)) from error

    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, seconds: Seconds, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """As `reconciler.cxone.exchange.Transport` has it."""
        joined([f"{name}: {value}" for name, value in headers.items()])  # the library lets more through
        timeouts = {**seconds._asdict(), "pool": seconds.read}
        try:
            asked = httpx.Request(method, url, headers=dict(headers), content=content, extensions={"timeout": timeouts})
            response = await self._inner.handle_async_request(asked)
            try:
                body = await _read_whole(response, most)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _translated(error) from error
        return int(response.status_code), dict(response.headers), body

    async def aclose(self) -> None:
        """Close the connections underneath."""
        await self._inner.aclose()


class _Embedded(httpx.AsyncBaseTransport):
    """Where the application fails, it is a server that broke the connection."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._inner.handle_async_request(request)
        except httpx.HTTPError:
            raise
        except Exception as error:
            text = f"the application in this process failed with {type(error).__name__}"
            raise httpx.RemoteProtocolError(text) from error


async def _read_whole(response: httpx.Response, most: int) -> bytes:
    """The body, decompressed."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > most:
            raise TooLarge(response.status_code)
        chunks.append(chunk)
    return expanded(response.status_code, response.headers.get("content-encoding", ""), b"".join(chunks), most)


def _translated(error: Exception) -> exchange.ExchangeError:
    """The library's error as this layer tells it; what is not known to have stayed here may have been sent."""
    for theirs, ours in (
        ((httpx.ConnectTimeout, httpx.PoolTimeout), exchange.ConnectTimeout),
        (httpx.ConnectError, exchange.NotConnected),
        (httpx.ProxyError, exchange.RefusedByProxy),
        ((httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL), exchange.Unsendable),
        (httpx.TimeoutException, exchange.NoAnswer),
    ):
        if isinstance(error, theirs):
            return ours(str(error) or type(error).__name__)
    return exchange.Broken(str(error) or type(error).__name__)
