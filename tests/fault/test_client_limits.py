"""The limiter with a client on it: one pause for all, bounded numbers in flight, turns in order."""

from __future__ import annotations

import time as wall_time

import anyio
import pytest

from reconciler.cxone.limiter import Limiter
from reconciler.cxone.timing import Timing
from tests.support.cxone import (
    DATASET_BODY,
    KINDS,
    THING,
    FakeTime,
    Request,
    Script,
    answer,
    client,
    in_loop,
    token,
    wired,
)
from tests.support.emulator import running_emulator

EMPTY = answer(200, {"items": [], "total": 0})


@in_loop
async def test_no_more_are_in_flight_than_allowed() -> None:
    now, most = 0, 0
    reached = anyio.Event()

    async def serve(request: Request) -> bytes:
        nonlocal now, most
        if request.is_token:
            return token()
        now += 1
        most = max(most, now)
        if now == 3:
            reached.set()
        await reached.wait()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        now -= 1
        return EMPTY

    async with wired(serve, max_concurrency=3) as here, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(here.client.list, THING)
    assert most == 3


@in_loop
async def test_one_429_holds_back_everybody() -> None:
    script = Script([answer(429, None, {"retry-after": "9"}), EMPTY])
    time = FakeTime()
    left: list[float] = []

    async def serve(request: Request) -> bytes | None:
        if not request.is_token:
            left.append(time.now)
        return await script(request)

    async with wired(serve, time=time, max_concurrency=1) as here, anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(here.client.list, THING)
    first, *others = left
    assert len(others) == 5
    assert min(others) >= first + 9
    assert here.client.rate is not None


@in_loop
async def test_requests_are_paced_as_configured() -> None:
    time = FakeTime()
    async with wired(Script([EMPTY]), time=time, requests_per_second=4) as here, anyio.create_task_group() as group:
        for _ in range(21):
            group.start_soon(here.client.list, THING)
    assert sum(time.slept) == pytest.approx(20 / 4, abs=0.3)


@in_loop
async def test_a_turn_is_left_to_the_next_when_its_owner_is_cancelled() -> None:
    limiter = Limiter(requests_per_second=None, max_concurrency=1, timing=Timing())
    order: list[str] = []

    async def one(name: str) -> None:
        async with limiter.slot():
            order.append(name)

    async with limiter.slot(), anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await one("cancelled")
        group.start_soon(one, "next")
        await anyio.lowlevel.checkpoint()
        assert order == []
        group.cancel_scope.cancel()
    await one("last")
    assert order == ["last"]


@in_loop
async def test_a_limited_emulator_takes_everything_and_refuses_little() -> None:
    """Counts only: how fast it went is for the benchmark to say."""
    with running_emulator(rate_limit=400) as emulator:
        async with client(emulator.url) as one:

            async def create(number: int) -> None:
                body = {**DATASET_BODY, "name": f"d{number}"}
                await one.create(KINDS["Dataset"], body, idempotency_key=f"k{number}")

            async with anyio.create_task_group() as group:
                for number in range(600):
                    group.start_soon(create, number)
            assert len(await one.list(KINDS["Dataset"])) == 600
            refused = [entry for entry in emulator.requests() if entry["status"] == 429]
            assert one.requests == 600 + 2 + len(refused)
            assert len(refused) <= 30


def test_the_default_clock_is_the_real_one() -> None:
    assert abs(Timing().wall() - wall_time.time()) < 60
