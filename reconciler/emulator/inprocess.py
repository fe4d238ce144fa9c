"""Calling an emulator's controls inside this process, without a port and without an HTTP client."""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.types import Message, Scope


async def control(app: Starlette, method: str, path: str, body: Any = None) -> Any:
    """Call ``/_emulator/<path>`` with a JSON body and return the JSON answer; raises ValueError for any answer but 2xx."""
    content = b"" if body is None else json.dumps(body).encode()
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": f"/_emulator/{path}",
        "raw_path": f"/_emulator/{path}".encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"host", b"emulator")],
        "client": ("127.0.0.1", 0),
        "server": ("emulator", 80),
    }
    status = 0
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    text = b"".join(parts)
    if not 200 <= status < 300:
        raise ValueError(f"{method} /_emulator/{path} answered {status}: {text.decode('utf-8', 'replace')}")
    return json.loads(text) if text else None
