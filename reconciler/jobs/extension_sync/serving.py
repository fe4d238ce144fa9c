"""A small server of ours beside the job: a socket that is bound first, so that its address can be given away, then served."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import anyio

from reconciler.errors import JobError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_MAX_CONNECTIONS: Final = 128
_GRACE_SECONDS: Final = 3


def split_address(listen: str) -> tuple[str, int]:
    """Host (without brackets) and port of ``host:port``."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def bind(listen: str, *, port: int = 0, what: str) -> socket.socket:
    """Bind ``host:port``; ``port`` stands in for a declared port 0. Raises `JobError` where somebody else has it."""
    host, declared = split_address(listen)
    wanted = declared or port
    found: socket.socket | None = None
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, wanted, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.setblocking(False)
    except (OSError, OverflowError, UnicodeError) as error:
        if found is not None:
            found.close()
        reason = getattr(error, "strerror", None) or error
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise JobError(
            f"{what} cannot listen on {host}:{wanted}: {reason}",
            fix=f"free port {wanted}" if taken else "name an address of this machine and a free port in listen",
        ) from error
    return found


def port_of(bound: socket.socket) -> int:
    """The port of a bound socket."""
    return int(bound.getsockname()[1])


def own_url(listen: str, port: int) -> str:
    """The URL of a server of ours on this machine; all interfaces at once are reached through the loopback one."""
    host = split_address(listen)[0]
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(url: str) -> bool:
    """Whether only this machine can reach a URL."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


@asynccontextmanager
async def serving(app: ASGIApp, bound: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a bound socket until the context ends; requests in hand are finished, the socket is closed."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None, None, None]:
            """Signals are the job's own business."""
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            """Start as uvicorn does, then say so."""
            await super().startup(sockets)
            started.set()

    started = asyncio.Event()
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = Server(config)
    task = asyncio.ensure_future(server.serve([bound]))
    task.add_done_callback(lambda _: started.set())
    try:
        await started.wait()
        yield
    finally:
        server.should_exit = True
        with anyio.CancelScope(shield=True):
            await task
