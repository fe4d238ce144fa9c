"""Hosts that cannot be reached, and hosts with several addresses of which some cannot."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager

import anyio
import pytest

from reconciler.cxone.connections import ConnectionTransport
from reconciler.cxone.dialing import dial
from reconciler.cxone.exchange import ConnectTimeout, NotConnected, Seconds, Unsendable
from tests.support.cxone import closed_port, in_loop

PATIENT = 20.0


def own() -> ConnectionTransport:
    return ConnectionTransport(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), keep_alive=PATIENT)


async def fetched(transport: ConnectionTransport, url: str, *, connect: float = PATIENT) -> None:
    await transport.fetch("GET", url, {}, b"", Seconds(connect, PATIENT, PATIENT), 1000)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that nobody answers there."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def resolving(monkeypatch: pytest.MonkeyPatch, addresses: Sequence[tuple[str, int]]) -> None:
    """Let every name have these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]

    async def resolved(*_: object, **__: object) -> list[object]:
        return list(found)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)


@in_loop
async def test_what_cannot_be_reached_is_told_apart() -> None:
    async with aclosing(own()) as transport:
        with closed_port() as port, pytest.raises(NotConnected):
            await fetched(transport, f"http://127.0.0.1:{port}/")
        with pytest.raises(Unsendable):
            await fetched(transport, "ftp://127.0.0.1/")
        with pytest.raises(NotConnected):
            await fetched(transport, f"http://{'a' * 70}.example/")


@in_loop
async def test_a_host_that_does_not_answer_is_waited_for_no_longer_than_allowed() -> None:
    with silent_port() as port:
        async with aclosing(own()) as transport:
            with anyio.fail_after(PATIENT), pytest.raises(ConnectTimeout):
                await fetched(transport, f"http://127.0.0.1:{port}/", connect=0.05)


@in_loop
async def test_the_next_address_is_tried_where_one_refuses_or_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as closed, silent_port() as silent, socket.create_server(("127.0.0.1", 0)) as listener:
        place = listener.getsockname()
        resolving(monkeypatch, [("127.0.0.1", closed), ("127.0.0.1", silent), place])
        with anyio.fail_after(PATIENT):
            found = await dial("several.example", 80)
        assert found.getpeername() == place
        found.close()


@in_loop
async def test_all_that_was_tried_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as first, closed_port() as second:
        resolving(monkeypatch, [("127.0.0.1", first), ("127.0.0.1", second)])
        with pytest.raises(OSError, match=rf"{first}.*{second}"):
            await dial("several.example", 80)


@in_loop
async def test_nothing_stays_open_where_dialing_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that were forgotten would be a warning, which is an error here."""
    with silent_port() as silent:
        resolving(monkeypatch, [("127.0.0.1", silent)])
        with anyio.move_on_after(0.05):
            await dial("several.example", 80)
