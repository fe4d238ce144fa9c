"""For tests of the client: time that passes only when it is told to, and small servers that misbehave as asked, over real ports."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import anyio
import orjson

from reconciler.core.kind import Kind, Wire
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.message import RequestRecord
from reconciler.cxone.settings import Auth, TargetApi
from reconciler.cxone.timing import Timing
from reconciler.kinds import load_kinds

THING = Kind(
    "Thing",
    "resource",
    object,
    "something that tests list and write",
    wire=Wire("/things", ("things:read",), ("things:write",), version_field="version"),
)
KINDS = load_kinds()
SCOPES = ("crm:connectors:read", "crm:connectors:write", "data-actions:read", "data-actions:write")
DATASET_BODY = {"name": "orders", "primaryKey": "id", "columns": {"id": "string", "total": "number"}}
SECRET = "correct-horse-battery"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        anyio.run(partial(test, *args, **kwargs))

    return run


@dataclass
class FakeTime:
    """A clock that only sleeping moves; ``slept`` are the seconds asked for, one by one."""

    now: float = 1000.0
    epoch: float = 1_800_000_000.0
    luck: float = 0.5
    slept: list[float] = field(default_factory=list)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()

    @property
    def timing(self) -> Timing:
        """This clock, as the client takes it."""
        return Timing(
            monotonic=lambda: self.now,
            wall=lambda: self.epoch + self.now,
            sleep=self._sleep,
            chance=lambda: self.luck,
        )


def target(url: str, **changes: Any) -> TargetApi:
    """A target with a client of its own; ``changes`` are other fields of `TargetApi`, ``auth`` those of `Auth`."""
    auth = Auth("local", Secret("test", changes.pop("secret", SECRET)), **changes.pop("auth", {}))
    return TargetApi("test", url, auth, **changes)


def client(url: str, *, scopes: tuple[str, ...] = SCOPES, read_only: bool = False, **changes: Any) -> Client:
    """A client for an emulator; ``app``, ``timing`` and ``on_request`` go to it, the rest to `target`."""
    own = {name: changes.pop(name) for name in ("app", "timing", "on_request") if name in changes}
    api = target(url, **{"secret": "local-secret", **changes})
    return Client(api, KINDS, scopes=scopes, read_only=read_only, **own)


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_token(self) -> bool:
        """Whether it asks for a token."""
        return self.target == "/oauth/token"


Handler = Callable[[Request], Awaitable[bytes | None]]
"""Gives the bytes of the answer, None to cut the connection off without one."""


@contextmanager
def closed_port() -> Iterator[int]:
    """A loopback port that is held, and refuses connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """An HTTP/1.1 answer: JSON, or ``body`` as it is where it is bytes."""
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    lines = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


def token(number: int = 1, **changes: Any) -> bytes:
    """A token answer; the token is ``token-<number>``."""
    body = {"access_token": f"token-{number}", "token_type": "Bearer", "expires_in": 3600, "scope": "", **changes}
    return answer(200, {key: value for key, value in body.items() if value is not None})


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None where the connection ends instead."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, target_, _ = first.split(" ", 2)
    return Request(method, target_, headers, body)


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve ``handler`` on a loopback port; gives its URL."""

    open_: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        try:
            while (request := await read_request(reader)) is not None:
                content = await handler(request)
                if content is None:
                    writer.transport.abort()
                    return
                writer.write(content)
                await writer.drain()
                if b"\r\nconnection: close\r\n" in content:
                    return
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            open_.discard(task)
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in list(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


@dataclass
class Script:
    """A server that gives prepared answers, one after the other (the last again and again), and tokens besides."""

    answers: list[bytes | None]
    tokens: list[bytes | None] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)

    async def __call__(self, request: Request) -> bytes | None:
        """Answer a request."""
        if request.is_token:
            self.asked.append(request)
            return self.tokens.pop(0) if self.tokens else token(len(self.asked))
        self.seen.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Wired:
    """A client on a scripted server, with its time and what it reported."""

    client: Client
    time: FakeTime
    records: list[RequestRecord]


@asynccontextmanager
async def wired(script: Handler, **changes: Any) -> AsyncIterator[Wired]:
    """A client for a scripted server; ``read_only``, ``redact`` and ``policy`` go to the client, the rest to `target`."""
    own = {name: changes.pop(name) for name in ("read_only", "redact", "policy") if name in changes}
    time = changes.pop("time", None) or FakeTime()
    records: list[RequestRecord] = []
    async with serving(script) as url:
        api = target(changes.pop("url", url), **changes)
        kinds = {"Thing": THING}
        arguments = {
            "scopes": ("things:read", "things:write"),
            "read_only": False,
            "on_request": records.append,
            "timing": time.timing,
            **own,
        }
        async with Client(api, kinds, **arguments) as client:
            yield Wired(client, time, records)
