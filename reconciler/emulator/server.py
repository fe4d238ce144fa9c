"""Serving the emulator on a loopback port with uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import signal
import socket
import sys
import threading
import time
from asyncio import Transport
from collections.abc import Callable, Generator
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.app import create_app
from reconciler.emulator.connection import ARRIVED, EXTENSION
from reconciler.emulator.event_loop import precise_loop
from reconciler.emulator.settings import Settings

HOST = "127.0.0.1"
_GRACE_SECONDS = 2
_MAX_MESSAGE_BYTES = 1 << 16


def _with_connection(base: type[Any]) -> type[Any]:
    """Make a uvicorn protocol that hands its connection to the app, so that a fault can break it and latency be counted."""

    class Protocol(base):  # type: ignore[misc]
        def connection_made(self, transport: Transport) -> None:
            super().connection_made(transport)
            served: ASGIApp = self.__dict__["app"]

            async def app(scope: Scope, receive: Receive, send: Send) -> None:
                scope.setdefault("extensions", {}).update({EXTENSION: transport, ARRIVED: lambda: self.arrived})
                await served(scope, receive, send)

            self.app = app

        def data_received(self, data: bytes) -> None:
            self.arrived = time.monotonic()
            super().data_received(data)

    return Protocol


def _websocket_protocol() -> type[asyncio.Protocol] | Literal["none"]:
    """Give the protocol of streams, unless the library that it stands on isn't installed."""
    if importlib.util.find_spec("websockets") is None:
        return "none"
    from reconciler.emulator.stream_wire import StreamProtocol

    return StreamProtocol


class Server(uvicorn.Server):
    """An emulator on a port of the loopback interface. ``url`` is known, and the port bound, from the beginning."""

    def __init__(self, app: Starlette, port: int = 0, on_ready: Callable[[str], None] | None = None) -> None:
        latency = app.state.emulator.settings.latency_seconds
        config = uvicorn.Config(
            app,
            loop=f"{precise_loop.__module__}:{precise_loop.__name__}" if latency else "auto",
            log_level="error",
            access_log=False,
            lifespan="off",
            ws=_websocket_protocol(),
            ws_max_size=_MAX_MESSAGE_BYTES,
            ws_ping_interval=None,  # a reader may be as slow as it likes: TCP holds it back, nothing drops it
            ws_per_message_deflate=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        config.load()
        config.http_protocol_class = _with_connection(config.http_protocol_class)
        super().__init__(config)
        self._app = app
        self._on_ready = on_ready
        # asyncio turns Nagle's algorithm off only for sockets that say they are TCP; with it, each answer takes 40 ms.
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((HOST, port))
        self.url = f"http://{HOST}:{self.socket.getsockname()[1]}"
        self.ready = threading.Event()

    def serve_forever(self) -> None:
        """Serve until ``should_exit`` is set or a signal comes, then close the state."""
        try:
            self.run([self.socket])
        finally:
            self.socket.close()
            self._app.state.emulator.store.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, go on with what an earlier process left unfinished, then say so."""
        await super().startup(sockets)
        self._app.state.emulator.runner.resume()
        self.ready.set()
        if self._on_ready is not None:
            self._on_ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Break off what runs in the background, then stop as uvicorn does."""
        await self._app.state.emulator.runner.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGINT and SIGTERM; unlike uvicorn, return then instead of dying of the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def serve(settings: Settings, port: int = 0) -> None:
    """Serve on 127.0.0.1, print ``{"url": …}`` as one line once ready, and return after SIGINT or SIGTERM.

    ``port`` 0 takes any free one. Raises StateError as ``create_app``, and OSError for a port in use.
    """
    Server(create_app(settings), port, _announce).serve_forever()
