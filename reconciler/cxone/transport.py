"""How bytes get to the tenant: connections, TLS, proxy, an application in this process, and the refusal of writes.

Requests go to the transport itself, without ``httpx2.AsyncClient`` around it: its redirects, cookies, ``.netrc`` and proxy
variables are all things that must not happen to a request with credentials, and doing without them saves a sixth of the time.
Nothing is taken from the environment, which would otherwise decide whom the client's secret is sent to.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import httpx2 as httpx

from reconciler import __version__
from reconciler.core.values import Secret
from reconciler.cxone.message import SAFE_METHODS
from reconciler.cxone.settings import TargetApi
from reconciler.errors import InvalidProject, WriteRefused

CONNECT_SECONDS = 10.0
"""Longest time to establish a connection, where the target's own timeout is not shorter."""

HEADERS: Final = {
    "User-Agent": f"reconciler/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
"""What every request says."""

KEEP_ALIVE_SECONDS = 4.0
"""How long an idle connection is kept; under the 5 s after which common servers close theirs."""


class ReadOnlyTransport(httpx.AsyncBaseTransport):
    """Refuses every unsafe method but the token request, so that planning cannot write whatever happens above it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, token_url: str) -> None:
        self._inner = inner
        self._token_url = httpx.URL(token_url)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a safe request on; raises `WriteRefused` for any other."""
        is_token_request = request.method == "POST" and request.url == self._token_url
        if request.method not in SAFE_METHODS and not is_token_request:
            raise WriteRefused(
                f"{request.method} {request.url.path} was not sent: this command only reads",
                fix="report this as a defect of the tool; the tenant was not touched",
            )
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections underneath."""
        await self._inner.aclose()


class EmbeddedTransport(httpx.AsyncBaseTransport):
    """Drives an ASGI application in this process; where it fails, it is a server that broke the connection."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand a request to the application; raises the transport errors that a network would raise."""
        try:
            return await self._inner.handle_async_request(request)
        except httpx.HTTPError:
            raise
        except Exception as error:
            text = f"the application in this process failed with {type(error).__name__}"
            raise httpx.RemoteProtocolError(text) from error


def build_transport(
    api: TargetApi, *, token_url: str, read_only: bool, app: Any | None, tls: bool
) -> httpx.AsyncBaseTransport:
    """Make the transport of a target; ``app`` is an ASGI application that is driven in this process instead of a server.

    ``tls`` says whether any address of the target needs certificates at all. Raises `InvalidProject` for a CA file or proxy
    that cannot be used.
    """
    transport: httpx.AsyncBaseTransport = EmbeddedTransport(app) if app is not None else _network(api, tls=tls)
    return ReadOnlyTransport(transport, token_url) if read_only else transport


def timeouts_of(api: TargetApi) -> dict[str, float]:
    """How many seconds each part of an exchange with a target may take, as httpx2 names them."""
    seconds = api.timeout_seconds
    return {"connect": min(CONNECT_SECONDS, seconds), "read": seconds, "write": seconds, "pool": seconds}


def build_request(
    timeouts: Mapping[str, float], method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> httpx.Request:
    """Make a request with such timeouts; raises `httpx2.InvalidURL` for an address that is none."""
    return httpx.Request(
        method,
        _parsed(url),
        headers={**HEADERS, **headers},
        content=content or b"",
        extensions={"timeout": dict(timeouts)},
    )


@lru_cache(maxsize=1024)
def _parsed(url: str) -> httpx.URL:
    """An address, parsed: jobs send thousands of requests to the same one."""
    return httpx.URL(url)


def _network(api: TargetApi, *, tls: bool) -> httpx.AsyncBaseTransport:
    proxy_url = api.proxy.reveal() if isinstance(api.proxy, Secret) else api.proxy
    context = trusted(api) if tls or (proxy_url or "").startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not proxy_url:
        from reconciler.cxone.connections import ConnectionTransport

        return ConnectionTransport(context, KEEP_ALIVE_SECONDS)
    try:
        of_proxy = context if proxy_url.startswith("https:") else None
        proxy = httpx.Proxy(proxy_url, ssl_context=of_proxy)
        connections = api.max_concurrency + 1
        limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE_SECONDS
        )
        return httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits, trust_env=False)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise InvalidProject(
            f"the proxy of target {api.name} cannot be used", fix="write it as http://host:port"
        ) from error


def trusted(api: TargetApi) -> ssl.SSLContext:
    """The certificate authorities that are believed: the system's, or those of the CA file alone."""
    if api.ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(api.ca_file))
    except OSError as error:
        raise InvalidProject(
            f"the CA file {api.ca_file} of target {api.name} cannot be used: {error.strerror or error}",
            fix="tls.caFile must name a readable file with one or more certificates in PEM",
        ) from error
