"""The client of event streams against servers that misbehave, over TLS, and through a proxy."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
import trustme

from reconciler.cxone import stream_socket
from reconciler.cxone.retry import Policy
from reconciler.cxone.settings import TargetApi
from reconciler.cxone.stream import EventStream, StreamNews
from reconciler.errors import NotSent, ReconcilerError, ServerFailed
from tests.support.cxone import KINDS, FakeTime, client, closed_port, in_loop, serving, target
from tests.support.scripted_stream import Scripted, closing, frame, scripted

KIND = KINDS["EventStream"]


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

    def due(self, token: Any) -> bool:
        """It never ends."""
        return False

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
