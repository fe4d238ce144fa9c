"""A tenant that gives everything back that it is told: in messages, details and half answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class HostileTenant:
    """``mode`` is what it does to writes (``refuse``, ``garble``) and to token requests (``token``); listings are empty."""

    url: str = ""
    mode: str = "refuse"
    heard: list[str] = field(default_factory=list)


@contextmanager
def hostile_tenant() -> Iterator[HostileTenant]:
    """Serve one on a loopback port."""
    tenant = HostileTenant()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {"items": [], "page": 1, "pageSize": 100, "total": 0, "nextPage": None})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            tenant.heard.append(text)
            told = f"you said {text} with {self.headers.get('authorization', '')}"
            if self.path.endswith("/token"):
                if tenant.mode == "token":
                    self._answer(401, {"error": "invalid_client", "error_description": told, "message": told})
                else:
                    self._answer(
                        200, {"access_token": "canary-token-value", "token_type": "Bearer", "expires_in": 3600}
                    )
            elif tenant.mode == "garble":
                self._answer(200, text)
            else:
                values = [str(value) for value in _leaves(json.loads(text))]
                details = [{"field": value, "message": f"bad: {value}"} for value in values]
                self._answer(400, {"code": values[-1], "message": f"{told} {values}", "details": details})

        def _answer(self, status: int, body: Any) -> None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tenant.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield tenant
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
