"""Connections of our own: what they make of answers is what httpx2's own transport makes of the same bytes, whatever arrives when."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import httpx2 as httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.cxone.connection import MAX_HEAD_BYTES, Connection
from reconciler.cxone.connections import ConnectionTransport
from reconciler.cxone.exchange import Broken, NoAnswer, Seconds, TooLarge, Transport, Unsendable
from reconciler.cxone.library_transport import LibraryTransport
from tests.support.cxone import answer, in_loop, read_request

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENT = 20.0
PLAIN = answer(200, {"plain": True})


@asynccontextmanager
async def listening(handle: Streams) -> AsyncIterator[str]:
    """A server of raw bytes; gives its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Parts:
    """A server that answers every request with the same bytes, in parts, and may close after them."""

    parts: list[bytes]
    ends: bool = False
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while (request := await read_request(reader)) is not None:
            self.requests.append(request.body)
            for part in self.parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            if self.ends:
                return


def own() -> ConnectionTransport:
    return ConnectionTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), keep_alive=PATIENT)


def library() -> LibraryTransport:
    return LibraryTransport(httpx.AsyncHTTPTransport(trust_env=False))


Found = tuple[int, Mapping[str, str], bytes]


async def fetched(
    transport: Transport,
    url: str,
    body: bytes = b"",
    *,
    seconds: float = PATIENT,
    headers: Mapping[str, str] | None = None,
    most: int = 2**30,
) -> Found:
    return await transport.fetch("POST", url, headers or {}, body, Seconds(PATIENT, seconds, seconds), most)


async def outcome(transport: Transport, url: str, body: bytes = b"") -> Found | str:
    """Status, headers and body, or that the answer is none."""
    try:
        return await fetched(transport, url, body)
    except Broken:
        return "broken"


def framed(form: str, body: bytes, keep: str) -> bytes:
    """An answer whose end is told in one of the ways that there are."""
    head = {"length": f"content-length: {len(body)}\r\n", "chunked": "transfer-encoding: chunked\r\n"}.get(form, "")
    status = form if form.isdigit() else "200"
    first = b"HTTP/1.1 100 Continue\r\n\r\n" if form == "chunked" else b""
    content = b"" if form.isdigit() else body
    if form == "chunked":
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
        content = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"
    return first + f"HTTP/1.1 {status} Some\r\nX-One: a\r\nx-two:  b \r\n{keep}{head}\r\n".encode() + content


@given(
    st.sampled_from(["length", "chunked", "close", "204", "304"]),
    st.binary(max_size=40),
    st.sampled_from(["", "connection: close\r\n", "connection: keep-alive\r\n"]),
    st.lists(st.integers(0, 200), max_size=4),
    st.none() | st.integers(0, 200),
)
@example("length", b"content", "", [], None)
@example("length", b"content", "", [], 90)
@example("close", b"content", "", [70], None)
def test_answers_are_what_the_other_transport_reads(
    form: str, body: bytes, keep: str, cuts: list[int], broken_off: int | None
) -> None:
    content = framed(form, body, keep)[:broken_off]
    places = sorted({min(cut, len(content)) for cut in cuts})
    parts = [content[begin:end] for begin, end in zip([0, *places], [*places, len(content)], strict=True)]
    ends = form == "close" or "close" in keep or broken_off is not None

    async def both() -> None:
        found = []
        for kind in (own, library):
            server = Parts(parts, ends)
            async with listening(server) as url, aclosing(kind()) as transport:
                outcomes = [await outcome(transport, url, b"%d" % number) for number in range(3)]
            found.append((outcomes, server.connections, server.requests))
        assert found[0] == found[1]

    anyio.run(both)


@pytest.mark.parametrize(
    "content",
    [
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\nother",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * MAX_HEAD_BYTES,
    ],
    ids=["other-protocol", "upgrade", "two-lengths", "no-length", "no-chunk", "endless-head"],
)
@in_loop
async def test_what_is_no_answer_is_an_error(content: bytes) -> None:
    async with listening(Parts([content])) as url, aclosing(own()) as transport:
        assert await outcome(transport, url) == "broken"


@in_loop
async def test_a_compressed_answer_is_expanded() -> None:
    import gzip

    body = gzip.compress(b"a" * 5000)
    async with listening(Parts([answer(200, body, {"content-encoding": "gzip"})])) as url, aclosing(own()) as transport:
        found = await outcome(transport, url)
    assert found[2] == b"a" * 5000


@in_loop
async def test_what_is_no_compression_is_an_error() -> None:
    async with listening(Parts([answer(200, b"plain", {"content-encoding": "gzip"})])) as url:
        for kind in (own, library):
            async with aclosing(kind()) as transport:
                assert await outcome(transport, url) == "broken"


@in_loop
async def test_a_compressed_answer_counts_as_large_as_it_becomes() -> None:
    import gzip

    server = Parts([answer(200, gzip.compress(b"a" * 1_000_000), {"content-encoding": "gzip"})])
    async with listening(server) as url:
        for kind in (own, library):
            async with aclosing(kind()) as transport:
                with pytest.raises(TooLarge):
                    await fetched(transport, url, most=100_000)


@in_loop
async def test_a_large_answer_is_taken_as_it_is_read() -> None:
    """Nobody reads, so the server is held back; once somebody does, everything comes."""
    body = b"0123456789abcdef" * 2**20
    sent = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer(200, body))
        await writer.drain()
        sent.set()

    async with listening(handle) as url:
        port = int(url.rstrip("/").rpartition(":")[2])
        loop, among = asyncio.get_running_loop(), set[Connection]()
        _, connection = await loop.create_connection(lambda: Connection(among), "127.0.0.1", port)
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        await connection.ask("POST", request, write_seconds=PATIENT, read_seconds=PATIENT)
        for _ in range(100):
            await asyncio.sleep(0)
        assert not sent.is_set()
        assert await connection.whole(2**30) == body
        connection.close()
        await connection.gone()


@in_loop
async def test_what_nobody_asked_for_is_no_answer_to_the_next_request() -> None:
    """A second answer behind the first, and one that comes later: the next request goes over another connection."""
    server = Parts([PLAIN, answer(200, {"stray": True})])
    async with listening(server) as url, aclosing(own()) as transport:
        for _ in range(3):
            found = await outcome(transport, url)
            assert found[2] == b'{"plain":true}'
    assert server.connections == 3


@in_loop
async def test_a_connection_that_the_server_left_is_not_used_again() -> None:
    server = Parts([PLAIN], ends=True)
    async with listening(server) as url, aclosing(own()) as transport:
        for _ in range(3):
            assert (await outcome(transport, url))[0] == 200
    assert server.connections == 3


@in_loop
async def test_a_connection_is_used_again_until_it_is_too_old() -> None:
    server = Parts([PLAIN])
    async with listening(server) as url, aclosing(own()) as transport:
        for _ in range(5):
            assert (await outcome(transport, url))[0] == 200
        assert server.connections == 1
        transport._keep_alive = 0.0
        assert (await outcome(transport, url))[0] == 200
    assert server.connections == 2


@in_loop
async def test_an_answer_that_is_not_read_to_its_end_takes_its_connection_along() -> None:
    server = Parts([answer(200, b"x" * 4_000_000)])
    async with listening(server) as url, aclosing(own()) as transport:
        with pytest.raises(TooLarge):
            await fetched(transport, url, most=1000)
        assert (await outcome(transport, url))[0] == 200
    assert server.connections == 2


@in_loop
async def test_an_answer_may_come_before_the_request_is_whole() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(413))
        await writer.drain()
        await reader.read()

    async with listening(refuse) as url, aclosing(own()) as transport:
        with anyio.fail_after(PATIENT):
            assert (await outcome(transport, url, b"x" * 64_000_000))[0] == 413


@in_loop
async def test_time_is_up_where_the_server_is_silent_or_does_not_listen() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with listening(silent) as url, aclosing(own()) as transport:
        with pytest.raises(NoAnswer):
            await fetched(transport, url, seconds=0.01)
        with pytest.raises(NoAnswer):
            await fetched(transport, url, b"x" * 64_000_000, seconds=0.01)


@in_loop
async def test_cancelling_closes_the_connection() -> None:
    gone, asked = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()

    async with listening(handle) as url, aclosing(own()) as transport:
        async with anyio.create_task_group() as group:
            group.start_soon(fetched, transport, url)
            await asked.wait()
            group.cancel_scope.cancel()
        with anyio.fail_after(PATIENT):
            await gone.wait()


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "a\0b"])
@in_loop
async def test_a_header_cannot_become_two(value: str) -> None:
    server = Parts([PLAIN])
    async with listening(server) as url, aclosing(own()) as transport:
        with pytest.raises(Unsendable):
            await fetched(transport, url, headers={"x-one": value})
    assert server.requests == []
