"""The least that a sender can do, for `apply.py` to be compared with; run in a process of its own.

``python apply_bare.py URL COUNT PARALLELISM``: creates that are ready as bytes, each sent on one of so many connections as soon as the
one before it was answered; nothing is made, read, compared or written down. Prints wall seconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import cast
from urllib.parse import urlsplit

import orjson

HEAD_END = b"\r\n\r\n"


def token(url: str) -> str:
    """A bearer token of the emulator's own client."""
    form = b"grant_type=client_credentials&client_id=local&client_secret=local-secret"
    with urllib.request.urlopen(f"{url}/oauth2/token", form) as answer:
        return str(orjson.loads(answer.read())["access_token"])


def create(number: int, host: str, bearer: str) -> bytes:
    """A request that creates a table like those of the other side."""
    body = orjson.dumps(
        {
            "name": f"bare-{number}",
            "description": "Tickets of a team, as the desk sees them",
            "primaryKey": "external_id",
            "columns": {
                "external_id": {"type": "string", "maxLength": 64},
                "customer_email": "string",
                "ticket_priority": "number",
                "is_resolved": "boolean",
                "resolved_date": "date",
            },
        }
    )
    lines = (
        "POST /api/v2/data-actions/datasets HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {bearer}",
        "Content-Type: application/json",
        "If-None-Match: *",
        f"Idempotency-Key: bare-{number}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + HEAD_END + body


class Sender(asyncio.Protocol):
    """One connection: the next request as soon as an answer is whole."""

    def __init__(self, requests: Iterator[bytes], ended: Callable[[], None]) -> None:
        self._requests, self._ended = requests, ended
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio)."""
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Go on once an answer is whole (asyncio)."""
        self._read += data
        head, end, body = self._read.partition(HEAD_END)
        if not end:
            return
        assert head.startswith(b"HTTP/1.1 201"), head
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._read = b""
            self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            self._ended()
        else:
            self._transport.write(request)


async def send(url: str, count: int, parallelism: int) -> float:
    """Send all of them; seconds from the first connection to the last answer."""
    place = urlsplit(url)
    bearer = token(url)
    requests = iter([create(number, place.netloc, bearer) for number in range(count)])
    loop = asyncio.get_running_loop()
    left, over = parallelism, loop.create_future()

    def ended() -> None:
        nonlocal left
        left -= 1
        if not left:
            over.set_result(None)

    began = time.perf_counter()
    for _ in range(parallelism):
        await loop.create_connection(lambda: Sender(requests, ended), place.hostname, place.port)
    await over
    return time.perf_counter() - began


def main() -> None:
    """Send what the arguments say."""
    seconds = asyncio.run(send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(f"{seconds}\n")


if __name__ == "__main__":
    main()
