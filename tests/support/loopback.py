"""Real HTTP servers on loopback ports that stand for what is outside: sources of records, receivers of webhooks."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Call:
    """One request that came in. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered: JSON for anything but bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


class LoopbackServer:
    """Calls in the order in which they came, each answered by ``handle``."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self.calls: list[Call] = []
        self._came = threading.Condition()
        self.url = ""

    def answer(self, call: Call) -> Reply:
        with self._came:
            self.calls.append(call)
            self._came.notify_all()
        return self._handle(call)

    def wait_for(self, count: int) -> list[Call]:
        """Give the calls once there are ``count`` of them."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.calls) >= count, 30), f"{len(self.calls)} of {count} calls"
            return list(self.calls)


class JsonHandler(BaseHTTPRequestHandler):
    """Answers with JSON, and takes it that a caller goes away, as some tests want it."""

    protocol_version = "HTTP/1.1"

    def serve(self, body: bytes) -> None:
        """Answer the request in hand, whose body was read."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.serve(self.rfile.read(int(self.headers.get("content-length", 0))))

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on any free port of 127.0.0.1 for as long as the context lasts; gives the port."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield http.server_address[1]
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class _Handler(JsonHandler):
        def serve(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Call(self.command, self.path, headers, body))
            self.answer(reply.status, reply.body, reply.headers)

    return _Handler


@contextmanager
def loopback_server(handle: Handler) -> Iterator[LoopbackServer]:
    """Serve on any free port for as long as the context lasts."""
    server = LoopbackServer(handle)
    with served(_handler(server)) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


@contextmanager
def paged_source(pages: list[list[Any]]) -> Iterator[LoopbackServer]:
    """Serve records page by page, as ``{"records": [...], "next": URL or null}``, the first under ``/records``."""

    def handle(call: Call) -> Reply:
        number = int(call.path.partition("?page=")[2] or 0)
        following = f"{server.url}/records?page={number + 1}" if number + 1 < len(pages) else None
        return Reply(body={"records": pages[number], "next": following})

    with loopback_server(handle) as server:
        yield server
