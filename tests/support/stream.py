"""A client of the emulator's event streams, as small as a WebSocket client can be."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.emulator import RunningEmulator

TIMEOUT_SECONDS = 30


def address(emulator: RunningEmulator, stream: str) -> str:
    """Give the WebSocket URL of a stream."""
    return f"ws{emulator.url.removeprefix('http')}/data-actions/v1/stream/{stream}"


@contextmanager
def listening(emulator: RunningEmulator, stream: str, token: str | None = None) -> Iterator[ClientConnection]:
    """Connect to a stream with a token, one with all scopes if none is given."""
    headers = {"Authorization": f"Bearer {token or emulator.token()}", "Accept": "application/json"}
    with connect(
        address(emulator, stream), additional_headers=headers, open_timeout=TIMEOUT_SECONDS, max_size=None, proxy=None
    ) as connection:
        yield connection


def read(connection: ClientConnection, count: int) -> list[Any]:
    """Read that many events."""
    return [json.loads(connection.recv(TIMEOUT_SECONDS, decode=False)) for _ in range(count)]


@contextmanager
def deaf(emulator: RunningEmulator, stream: str) -> Iterator[socket.socket]:
    """Connect to a stream and read no further than the answer to the handshake; answers no ping either."""
    host, port = emulator.url.removeprefix("http://").split(":")
    lines = (
        f"GET /data-actions/v1/stream/{stream} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {emulator.token()}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    with socket.create_connection((host, int(port)), TIMEOUT_SECONDS) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        yield connection


PATIENCE_SECONDS = 60.0


def until(emulator: RunningEmulator, stream: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Ask the emulator about a stream until what it says of it holds; a fault ends in a failure, not in a test without end."""
    last = time.monotonic() + PATIENCE_SECONDS
    while not holds(state := emulator.control("GET", f"streams/{stream}")):
        assert time.monotonic() < last, f"still waiting for the stream: {state}"
    return dict(state)
