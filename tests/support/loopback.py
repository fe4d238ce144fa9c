"""Real HTTP servers on loopback ports that stand for what is outside: sources of records, receivers of webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
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


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class _Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Call(self.command, self.path, headers, body))
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = _serve  # noqa: N815
        do_POST = _serve  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the caller has gone away, as some tests want it
                self.close_connection = True

    return _Handler


@contextmanager
def loopback_server(handle: Handler) -> Iterator[LoopbackServer]:
    """Serve on any free port for as long as the context lasts."""
    server = LoopbackServer(handle)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@contextmanager
def paged_source(pages: list[list[Any]]) -> Iterator[LoopbackServer]:
    """Serve records page by page, as ``{"records": [...], "next": URL or null}``, the first under ``/records``."""

    def handle(call: Call) -> Reply:
        number = int(call.path.partition("?page=")[2] or 0)
        following = f"{server.url}/records?page={number + 1}" if number + 1 < len(pages) else None
        return Reply(body={"records": pages[number], "next": following})

    with loopback_server(handle) as server:
        yield server
