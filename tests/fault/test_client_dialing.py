"""Hosts that cannot be reached, and hosts with several addresses of which some cannot."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, aclosing, contextmanager

import anyio
import anyio.lowlevel
import pytest

from reconciler.cxone import dialing
from reconciler.cxone.connections import ConnectionTransport
from reconciler.cxone.dialing import Dialer
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
            found = await Dialer().dial("several.example", 80)
        assert found.getpeername() == place
        found.close()


@in_loop
async def test_all_that_was_tried_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as first, closed_port() as second:
        resolving(monkeypatch, [("127.0.0.1", first), ("127.0.0.1", second)])
        with pytest.raises(OSError, match=rf"{first}.*{second}"):
            await Dialer().dial("several.example", 80)


@in_loop
async def test_nothing_stays_open_where_dialing_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets that were forgotten would be a warning, which is an error here."""
    with silent_port() as silent:
        resolving(monkeypatch, [("127.0.0.1", silent)])
        with anyio.move_on_after(0.05):
            await Dialer().dial("several.example", 80)


@in_loop
async def test_an_address_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lambda *_, **__: pytest.fail("asked"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with anyio.fail_after(PATIENT):
            found = await Dialer().dial(*listener.getsockname())
        assert found.getpeername() == listener.getsockname()
        found.close()


@in_loop
async def test_who_dials_a_name_at_the_same_time_asks_for_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answer, given_up = anyio.Event(), anyio.CancelScope()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def resolved(host: str, *_: object, **__: object) -> list[object]:
            asked.append(host)
            await answer.wait()
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", listener.getsockname())]

        async def impatient() -> None:
            with given_up:
                await dialer.dial("one.example", 80)

        async def patient() -> None:
            reached.append(await dialer.dial("one.example", 80))

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
        dialer, reached = Dialer(), list[socket.socket]()
        with anyio.fail_after(PATIENT):
            async with anyio.create_task_group() as group:
                group.start_soon(impatient)
                for _ in range(4):
                    group.start_soon(patient)
                await anyio.wait_all_tasks_blocked()
                given_up.cancel()
                await anyio.wait_all_tasks_blocked()
                assert asked == ["one.example"]
                answer.set()
            await patient()
        assert asked == ["one.example"] * 2
        assert [found.getpeername() for found in reached] == [listener.getsockname()] * 5
    for found in reached:
        found.close()


@in_loop
async def test_what_nobody_waits_for_any_more_is_not_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = anyio.Event()

    async def resolved(*_: object, **__: object) -> list[object]:
        await answer.wait()
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    dialer = Dialer()
    async with anyio.create_task_group() as group:
        group.start_soon(dialer.dial, "no.example", 80)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    answer.set()
    for _ in range(5):  # turns of the loop: the answer, who asked for it, and what is to be done behind that
        await anyio.lowlevel.checkpoint()
    gc.collect()
    assert complaints == []


@in_loop
async def test_who_comes_second_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    both = anyio.Event()

    async def reached(*_: object) -> socket.socket:
        one = socket.socket()
        made.append(one)
        if len(made) == 2:
            both.set()
        with anyio.CancelScope(shield=True):
            await both.wait()
        return one

    monkeypatch.setattr(dialing, "SECOND_ATTEMPT", 0)
    monkeypatch.setattr(dialing, "_reach", reached)
    resolving(monkeypatch, [("127.0.0.1", 1), ("127.0.0.1", 2)])
    with anyio.fail_after(PATIENT):
        found = await Dialer().dial("several.example", 80)
    assert sorted(one.fileno() == -1 for one in made) == [False, True]
    found.close()


@in_loop
async def test_a_name_that_is_not_known_is_told_to_all_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved(*_: object, **__: object) -> list[object]:
        await anyio.lowlevel.checkpoint()
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    dialer = Dialer()
    found = await asyncio.gather(*(dialer.dial("no.example", 80) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [socket.gaierror] * 3
