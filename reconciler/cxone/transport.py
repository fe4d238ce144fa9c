"""How bytes get to the tenant: connections, TLS, proxy, an application in this process, and the refusal of writes.

Nothing is taken from the environment, which would otherwise decide whom the client's secret is sent to.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler import __version__
from reconciler.core.values import Secret
from reconciler.cxone.exchange import Seconds, Transport
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


class ReadOnlyTransport:
    """Refuses every unsafe method but the token request, so that planning cannot write whatever happens above it."""

    def __init__(self, inner: Transport, token_url: str) -> None:
        self._inner = inner
        self._token_url = token_url

    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, seconds: Seconds, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Pass a safe request on; raises `WriteRefused` for any other."""
        if method not in SAFE_METHODS and not (method == "POST" and url == self._token_url):
            raise WriteRefused(
                f"{method} {urlsplit(url).path} was not sent: this command only reads",
                fix="report this as a defect of the tool; the tenant was not touched",
            )
        return await self._inner.fetch(method, url, headers, content, seconds, most)

    async def aclose(self) -> None:
        """Close the connections underneath."""
        await self._inner.aclose()


def build_transport(api: TargetApi, *, token_url: str, read_only: bool, app: Any | None, tls: bool) -> Transport:
    """Make the transport of a target; ``app`` is an ASGI application that is driven in this process instead of a server.

    ``tls`` says whether any address of the target needs certificates at all. Raises `InvalidProject` for a CA file or proxy
    that cannot be used.
    """
    transport = _network(api, tls=tls) if app is None else _embedded(app)
    return ReadOnlyTransport(transport, token_url) if read_only else transport


def timeouts_of(api: TargetApi) -> Seconds:
    """How many seconds each part of an exchange with a target may take."""
    seconds = api.timeout_seconds
    return Seconds(min(CONNECT_SECONDS, seconds), seconds, seconds)


def _embedded(app: Any) -> Transport:
    from reconciler.cxone.library_transport import LibraryTransport

    return LibraryTransport.embedded(app)


def _network(api: TargetApi, *, tls: bool) -> Transport:
    proxy_url = api.proxy.reveal() if isinstance(api.proxy, Secret) else api.proxy
    context = trusted(api) if tls or (proxy_url or "").startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not proxy_url:
        from reconciler.cxone.connections import ConnectionTransport

        return ConnectionTransport(context, KEEP_ALIVE_SECONDS)
    from reconciler.cxone.library_transport import LibraryTransport

    try:
        connections = api.max_concurrency + 1
        return LibraryTransport.proxied(proxy_url, context, connections=connections, keep_alive=KEEP_ALIVE_SECONDS)
    except ValueError as error:
        raise InvalidProject(
            f"the proxy of target {api.name} cannot be used: {error}", fix="write it as http://host:port"
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
