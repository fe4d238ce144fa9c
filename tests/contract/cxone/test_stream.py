"""The client of event streams against the emulator, and against servers that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest

from reconciler.cxone.client import Client
from reconciler.cxone.stream import EventStream, StreamNews
from reconciler.errors import (
    AuthenticationError,
    Conflict,
    NotFound,
    NotSent,
    ScopeMissing,
)
from tests.support.cxone import KINDS, FakeTime, client, closed_port, in_loop
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
    heard: list[StreamNews] = []
    calls.publish(events(1))
    async with client(calls.emulator.url, timing=time.timing) as one, reading(one, calls.stream, heard) as stream:
        assert await read(stream, 1) == [1]
        calls.close(code)
        calls.publish(events(2))
        assert await read(stream, 2) == [1, 2]
        assert one.token_requests == 2
    assert [news.what for news in heard] == ["connected", "renewing", "connected"], "nothing has failed"
    assert time.slept == [], "it was good until then: no reason to wait"


@pytest.mark.parametrize(("seconds", "what"), [(7, "renewing"), (6, "failed")])
@in_loop
async def test_a_token_that_lived_its_short_life_is_no_failure_even_on_a_quiet_stream(seconds: int, what: str) -> None:
    """A minute's margin is more than such a token has: a fifth of its life counts, here 1.6 of 8 seconds."""
    time = FakeTime()
    heard: list[StreamNews] = []
    with running_emulator(token_lifetime_seconds=8) as running:
        calls = fill(running)
        async with client(running.url, timing=time.timing) as one, reading(one, calls.stream, heard) as stream:
            await stream.connect()
            time.now += seconds
            calls.close(4001)
            calls.publish(events(1))
            assert await read(stream, 1) == [1]
    assert [news.what for news in heard] == ["connected", what, "connected"]


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
