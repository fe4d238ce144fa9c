"""The client of event streams against the emulator, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
import trustme

from reconciler.cxone import stream_socket
from reconciler.cxone.client import Client
from reconciler.cxone.retry import Policy
from reconciler.cxone.settings import TargetApi
from reconciler.cxone.stream import EventStream, StreamNews
from reconciler.errors import (
    AuthenticationError,
    Conflict,
    NotFound,
    NotSent,
    ReconcilerError,
    ScopeMissing,
    ServerFailed,
)
from tests.support.cxone import KINDS, FakeTime, client, closed_port, in_loop, serving, target
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.sink_tenant import Tenant, fill

KIND = KINDS["EventStream"]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def calls(server: RunningEmulator) -> Tenant:
    server.control("POST", "reset")
    return fill(server)


def events(*numbers: int) -> list[dict[str, int]]:
    return [{"n": number} for number in numbers]


async def read(stream: EventStream, count: int) -> list[int]:
    """Read so many events."""
    found: list[int] = []
    with anyio.fail_after(30):
        while len(found) < count:
            messages = await stream.receive()
            assert messages is not None
            found += [orjson.loads(message)["n"] for message in messages]
    return found


@asynccontextmanager
async def reading(one: Client, id_: str, heard: list[StreamNews] | None = None) -> AsyncIterator[EventStream]:
    stream = one.stream(KIND, id_, [].append if heard is None else heard.append)
    try:
        yield stream
    finally:
        await stream.aclose()


@in_loop
async def test_events_come_in_order_until_the_server_ends_the_stream(calls: Tenant) -> None:
    heard: list[StreamNews] = []
    calls.publish(events(*range(5000)))
    async with client(calls.emulator.url) as one, reading(one, calls.stream, heard) as stream:
        assert await read(stream, 5000) == list(range(5000))
        calls.publish(events(5000))
        assert await read(stream, 1) == [5000]
        calls.close(1000)
        assert await stream.receive() is None
    assert [news.what for news in heard] == ["connected", "ended"]
    request = calls.emulator.requests()[-1]
    assert request["clientId"] == "local"
    assert request["requestId"]


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012])
@in_loop
async def test_any_other_close_is_followed_by_a_connection(calls: Tenant, code: int) -> None:
    time = FakeTime(luck=0.001)
    heard: list[StreamNews] = []
    calls.publish(events(1))
    async with client(calls.emulator.url, timing=time.timing) as one, reading(one, calls.stream, heard) as stream:
        assert await read(stream, 1) == [1]
        calls.close(code)
        calls.publish(events(2))
        assert set(await read(stream, 2)) == {1, 2}, "the server repeats what it sent shortly before"
        assert one.token_requests == 1
    assert [news.what for news in heard] == ["connected", "failed", "connected"]
    assert str(code) in heard[1].text
    assert len(time.slept) == 1


@pytest.mark.parametrize("code", [1008, 4001])
@in_loop
async def test_a_close_for_the_token_is_followed_by_another_token(calls: Tenant, code: int) -> None:
    time = FakeTime()
    calls.publish(events(1))
    async with client(calls.emulator.url, timing=time.timing) as one, reading(one, calls.stream) as stream:
        assert await read(stream, 1) == [1]
        calls.close(code)
        calls.publish(events(2))
        assert await read(stream, 2) == [1, 2]
        assert one.token_requests == 2
    assert time.slept == [], "it was good until then: no reason to wait"


@in_loop
async def test_an_expired_token_is_renewed_at_the_handshake(calls: Tenant) -> None:
    async with client(calls.emulator.url) as one, reading(one, calls.stream) as stream:
        await one.authenticate()
        calls.emulator.control("POST", "clock", {"advanceSeconds": 4000})
        calls.publish(events(1))
        assert await read(stream, 1) == [1]
        assert one.token_requests == 2
    assert calls.handshakes() == [401, 101]


@in_loop
async def test_a_token_that_is_never_good_is_an_error(calls: Tenant) -> None:
    rule = {"match": {"path": "/data-actions/*"}, "times": 9, "effect": {"status": 401}}
    calls.emulator.control("POST", "faults", {"rules": [rule]})
    async with client(calls.emulator.url) as one, reading(one, calls.stream) as stream:
        with pytest.raises(AuthenticationError, match="401"):
            await stream.receive()
    assert calls.handshakes() == [401, 401]


@in_loop
async def test_what_the_handshake_refuses_is_said_clearly(calls: Tenant) -> None:
    paused = fill(calls.emulator, "paused", "PAUSED")
    async with client(calls.emulator.url) as one:
        with pytest.raises(NotFound, match="404"):
            await one.stream(KIND, "s999", [].append).receive()
        with pytest.raises(Conflict, match="paused") as caught:
            await one.stream(KIND, paused.stream, [].append).receive()
        assert "status: ACTIVE" in caught.value.fix
    async with client(calls.emulator.url, scopes=("crm:connectors:read",)) as one:
        with pytest.raises(ScopeMissing) as missing:
            await one.stream(KIND, calls.stream, [].append).receive()
        assert missing.value.scope == "data-actions:read"


@in_loop
async def test_a_server_that_is_busy_is_tried_again_when_it_says_so(calls: Tenant) -> None:
    time = FakeTime()
    busy = {"status": 503, "headers": {"Retry-After": "7"}}
    rule = {"match": {"path": "/data-actions/*"}, "times": 2, "effect": busy}
    calls.emulator.control("POST", "faults", {"rules": [rule]})
    calls.publish(events(1))
    async with client(calls.emulator.url, timing=time.timing) as one, reading(one, calls.stream) as stream:
        assert await read(stream, 1) == [1]
    assert calls.handshakes() == [503, 503, 101]
    assert all(7 <= seconds < 8 for seconds in time.slept)


@in_loop
async def test_nobody_there_at_first_is_an_error_after_some_attempts() -> None:
    time = FakeTime()
    with closed_port() as port:
        async with client(f"http://127.0.0.1:{port}", timing=time.timing) as one:
            with pytest.raises(NotSent):
                await one.stream(KIND, "s1", [].append).receive()
        assert len(time.slept) >= 4


@in_loop
async def test_nobody_there_any_more_is_waited_for_without_end(calls: Tenant) -> None:
    """Once there has been a connection, no number of failures is too many."""
    time = FakeTime()
    async with client(calls.emulator.url, timing=time.timing) as one, reading(one, calls.stream) as stream:
        calls.publish(events(1))
        assert await read(stream, 1) == [1]
        refuse = {"match": {"path": "/data-actions/*"}, "times": 30, "effect": {"drop": "before"}}
        calls.emulator.control("POST", "faults", {"rules": [refuse]})
        calls.close(1012)
        assert await read(stream, 1) == [1]
    assert len(time.slept) == 31
    assert time.slept[1] < time.slept[2] < time.slept[4] < max(time.slept) == 15.0, "30 s, of which chance takes half"


@dataclass
class Scripted:
    """A WebSocket server that answers every handshake, and then does as it is told; ``seen`` are the handshakes' headers."""

    frames: list[list[bytes | float]]
    seen: list[str] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.seen.append(head)
        if head.startswith("POST"):
            length = int(
                next(line for line in head.split("\r\n") if line.lower().startswith("content-length")).split(":")[1]
            )
            await reader.readexactly(length)
            body = orjson.dumps({"access_token": f"t{len(self.seen)}", "expires_in": 3600})
            writer.write(b"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()
            return
        key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")).split(": ")[1]
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        writer.write(
            f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        for item in self.frames.pop(0) if self.frames else []:
            if isinstance(item, bytes):
                writer.write(item)
                await writer.drain()
            else:
                await asyncio.sleep(item)
        while data := await reader.read(1000):
            self.answered.append(data)
            if data[0] == 0x88:
                break


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + struct.pack("!H", len(payload)) + payload
    return bytes([first, 127]) + struct.pack("!Q", len(payload)) + payload


def closing(code: int) -> bytes:
    return frame(struct.pack("!H", code), 8)


@asynccontextmanager
async def scripted(script: Scripted, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.wait(running, timeout=5)


@in_loop
async def test_fragments_binary_messages_and_pings_between(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted(
        [
            [
                frame(b"ab", fin=False),
                frame(b"x", 9),
                frame(b"cd", 0, fin=False),
                frame(b"ef", 0),
                frame(b"\xff", 2),
                closing(1000),
            ]
        ]
    )
    async with scripted(script) as url, client(url) as one:
        stream = one.stream(KIND, "s1", [].append)
        found: list[bytes] = []
        while (messages := await stream.receive()) is not None:
            found += messages
        assert found == [b"abcdef", b"\xff"]
    handshake = script.seen[-1]
    assert "Authorization: Bearer t1" in handshake
    assert "Accept: application/json" in handshake
    assert handshake.startswith("GET /data-actions/v1/stream/s1 ")


@in_loop
async def test_a_server_that_accepts_and_closes_at_once_is_not_stormed() -> None:
    time = FakeTime()
    script = Scripted([[closing(4001)]] * 6 + [[frame(b"at last"), closing(1000)]])
    async with scripted(script) as url, client(url, timing=time.timing) as one:
        stream = one.stream(KIND, "s1", [].append)
        assert await stream.receive() == [b"at last"]
        assert await stream.receive() is None
    assert len(time.slept) == 6
    assert time.slept[-1] > 4 * time.slept[0]
    assert sum(head.startswith("POST") for head in script.seen) == 7, "a new token each time"


@in_loop
async def test_silence_is_answered_with_a_ping_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cxone.stream.HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr("reconciler.cxone.stream.PONG_SECONDS", 0.01)
    heard: list[StreamNews] = []
    script = Scripted([[frame(b"one")], [frame(b"two"), closing(1000)]])
    async with scripted(script) as url, client(url, timing=FakeTime().timing) as one:
        stream = one.stream(KIND, "s1", heard.append)
        assert await stream.receive() == [b"one"]
        assert await stream.receive() == [b"two"]
        assert await stream.receive() is None
    assert any("no sign of life" in news.text for news in heard)
    assert script.answered[0][0] == 0x89, "a ping"


@in_loop
async def test_what_nobody_takes_is_left_in_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_socket, "BUFFER_BYTES", 100_000)
    message = frame(b"m" * 10_000)
    script = Scripted([[*[message] * 3000, closing(1000)]])
    async with scripted(script) as url, client(url) as one:
        stream = one.stream(KIND, "s1", [].append)
        first = await stream.receive()
        assert first is not None
        await anyio.sleep(0.2)
        second = await stream.receive()
        assert second is not None
        assert sum(map(len, second)) < 2_000_000, "bounded, although 30 MB are waiting"
        count = len(first) + len(second)
        while (messages := await stream.receive()) is not None:
            count += len(messages)
        assert count == 3000


@in_loop
async def test_a_message_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_socket, "MAX_MESSAGE_BYTES", 1_500_000)
    heard: list[StreamNews] = []
    script = Scripted([[frame(b"m" * 2_000_000)], [frame(b"small"), closing(1000)]])
    async with scripted(script) as url, client(url, timing=FakeTime().timing) as one:
        stream = one.stream(KIND, "s1", heard.append)
        assert await stream.receive() == [b"small"]
    assert any("1009" in news.text for news in heard)


@in_loop
async def test_cancelling_loses_nothing_and_what_is_left_is_given() -> None:
    frames = [item for number in range(100) for item in (frame(b"%d" % number), 0.0005)]
    async with scripted(Scripted([[*frames]])) as url, client(url) as one:
        stream = one.stream(KIND, "s1", [].append)
        found = list(await stream.receive() or [])
        while len(found) < 90:
            with anyio.move_on_after(0.0002):
                found += await stream.receive() or []
        await stream.aclose()
        found += stream.leftover()
        assert found == [b"%d" % number for number in range(len(found))]


@in_loop
async def test_a_redirect_is_not_followed() -> None:
    async def handler(request: Any) -> bytes:
        if request.is_token:
            body = orjson.dumps({"access_token": "t", "expires_in": 3600})
            return b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        seen.append(request.target)
        return b"HTTP/1.1 302 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    seen: list[str] = []
    async with serving(handler) as url, client(url) as one:
        with pytest.raises(ReconcilerError, match="redirect"):
            await one.stream(KIND, "s1", [].append).receive()
    assert seen == ["/data-actions/v1/stream/s1"]


@in_loop
async def test_what_is_no_handshake_is_an_error() -> None:
    async def handler(request: Any) -> bytes:
        body = orjson.dumps({"access_token": "t", "expires_in": 3600}) if request.is_token else b"hello"
        status = b"200" if request.is_token else b"101"
        return b"HTTP/1.1 %s X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body

    async with serving(handler) as url, client(url) as one:
        with pytest.raises(ServerFailed, match="no WebSocket handshake"):
            await one.stream(KIND, "s1", [].append).receive()


class _Fixed:
    """A token without a token endpoint."""

    async def current(self) -> Any:
        from reconciler.core.values import Secret

        return Secret("test", "fixed")

    def discard(self, token: Any) -> None:
        """There is no other."""


def _stream(api: TargetApi, url: str) -> EventStream:
    time = FakeTime()
    return EventStream(api, url, _Fixed(), timing=time.timing, redact=str, tell=[].append, policy=Policy(attempts=2))


@in_loop
async def test_tls_with_a_certificate_authority_of_ones_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    script = Scripted([[frame(b"secret"), closing(1000)]])
    async with scripted(script, context) as url:
        trusting = _stream(target(url, ca_file=tmp_path / "ca.pem"), f"{url}/s")
        assert await trusting.receive() == [b"secret"]
        assert await trusting.receive() is None
        with pytest.raises(NotSent, match="not trusted") as caught:
            await _stream(target(url), f"{url}/s").receive()
        assert "caFile" in caught.value.fix


@in_loop
async def test_through_a_proxy_with_a_password() -> None:
    seen: list[str] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head)
        host, port = head.split(" ")[1].split(":")
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer))

    script = Scripted([[frame(b"through"), closing(1000)]])
    proxy = await asyncio.start_server(relay, "127.0.0.1", 0)
    address = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    async with scripted(script) as url:
        stream = _stream(target(url, proxy=f"http://user:pass@{address}"), f"{url}/s")
        assert await stream.receive() == [b"through"]
        assert await stream.receive() is None
    proxy.close()
    assert seen[0].startswith("CONNECT ")
    assert f"Basic {base64.b64encode(b'user:pass').decode()}" in seen[0]
    with closed_port() as port, pytest.raises(NotSent):
        await _stream(target("http://127.0.0.1:9", proxy=f"http://127.0.0.1:{port}"), "http://127.0.0.1:9/s").receive()
