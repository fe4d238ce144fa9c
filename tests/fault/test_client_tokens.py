"""Tokens under load and in trouble."""

from __future__ import annotations

import anyio
import pytest

from reconciler.errors import (
    AuthenticationError,
    BadAnswer,
    NotSent,
    RateLimited,
    ReconcilerError,
    ScopeMissing,
    ServerFailed,
)
from tests.support.cxone import THING, FakeTime, Request, Script, Wired, answer, closed_port, in_loop, token, wired

EMPTY = answer(200, {"items": [], "total": 0})


async def _fifty(here: Wired) -> list[ReconcilerError]:
    """Fifty requests at once; gives what they raised."""
    errors: list[ReconcilerError] = []

    async def one() -> None:
        try:
            await here.client.list(THING)
        except ReconcilerError as error:
            errors.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(one)
    return errors


@in_loop
async def test_fifty_requests_share_one_token() -> None:
    script = Script([EMPTY])
    async with wired(script) as here:
        assert await _fifty(here) == []
        assert (here.client.requests, here.client.token_requests) == (50, 1)
    assert len(script.asked) == 1


@in_loop
async def test_fifty_requests_share_one_refusal() -> None:
    script = Script([EMPTY], tokens=[answer(401, {"error": "invalid_client"})])
    async with wired(script) as here:
        errors = await _fifty(here)
        assert [type(error) for error in errors] == [AuthenticationError] * 50
        assert len(script.asked) == 1
        assert await here.client.list(THING) == [], "a refusal is not kept for later"


@in_loop
async def test_fifty_requests_share_one_renewal_after_a_401() -> None:
    async def serve(request: Request) -> bytes:
        if request.is_token:
            asked.append(request)
            return token(len(asked))
        return EMPTY if request.headers["authorization"] == "Bearer token-2" else answer(401, {"code": "UNAUTHORIZED"})

    asked: list[Request] = []
    async with wired(serve) as here:
        assert await _fifty(here) == []
    assert len(asked) == 2


@in_loop
async def test_a_token_is_renewed_a_minute_before_it_expires() -> None:
    time = FakeTime()
    script = Script([EMPTY])
    async with wired(script, time=time) as here:
        await here.client.list(THING)
        time.now += 3539
        await here.client.list(THING)
        assert len(script.asked) == 1
        time.now += 2
        await here.client.list(THING)
    assert [request.headers["authorization"] for request in script.seen] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


@in_loop
async def test_a_short_life_is_used_for_most_of_it() -> None:
    time = FakeTime()
    script = Script([EMPTY], tokens=[token(1, expires_in=50), *[token(2, expires_in="50")] * 9])
    async with wired(script, time=time) as here:
        for moment in (0, 39, 2, 37, 4):
            time.now += moment
            await here.client.list(THING)
    assert len(script.asked) == 3


@in_loop
async def test_a_second_401_is_an_error_that_says_so() -> None:
    script = Script([answer(401, {"code": "UNAUTHORIZED", "message": "no"})])
    async with wired(script) as here:
        with pytest.raises(AuthenticationError, match="401 UNAUTHORIZED"):
            await here.client.list(THING)
    assert (len(script.seen), len(script.asked)) == (2, 2)


@pytest.mark.parametrize(
    "useless",
    [
        answer(200, {}),
        answer(200, []),
        answer(200, {"access_token": ""}),
        answer(200, {"access_token": "a\r\nX-Evil: 1"}),
        answer(200, {"access_token": 7}),
        token(token_type="mac"),
        token(expires_in=0),
        token(expires_in="soon"),
        token(expires_in=1e999),
        token(expires_in=[]),
        answer(400, {"error": "unsupported_grant_type"}),
        answer(404),
    ],
)
@in_loop
async def test_what_is_no_token_is_an_authentication_error(useless: bytes) -> None:
    script = Script([EMPTY], tokens=[useless])
    async with wired(script) as here:
        with pytest.raises(AuthenticationError):
            await here.client.list(THING)
    assert script.seen == []


@in_loop
async def test_a_token_that_says_nothing_of_its_life_is_used_until_refused() -> None:
    script = Script([EMPTY, answer(401), EMPTY], tokens=[token(1, expires_in=None, token_type=None)])
    async with wired(script) as here:
        await here.client.list(THING)
        await here.client.list(THING)
    assert len(script.asked) == 2


@in_loop
async def test_the_token_endpoints_retry_after_is_heeded() -> None:
    script = Script([EMPTY], tokens=[answer(429, None, {"retry-after": "5"}), answer(503), None])
    async with wired(script) as here:
        await here.client.list(THING)
        assert here.client.token_requests == 4
        assert here.time.slept[0] >= 5


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (answer(429, None, {"retry-after": "1"}), RateLimited),
        (answer(500), ServerFailed),
        (answer(200, b"<html>", {"content-type": "text/html"}), BadAnswer),
        (answer(302, None, {"location": "https://sso.example.com"}), BadAnswer),
        (answer(403, {"error": "invalid_scope", "error_description": "things:write is not yours"}), ScopeMissing),
    ],
)
@in_loop
async def test_other_failures_of_the_token_endpoint_keep_their_kind(refusal: bytes, error: type[Exception]) -> None:
    script = Script([EMPTY], tokens=[refusal] * 12)
    async with wired(script) as here:
        with pytest.raises(error):
            await here.client.list(THING)
    assert script.seen == []


@in_loop
async def test_an_unreachable_token_endpoint_is_not_sent() -> None:
    with closed_port() as port:
        async with wired(Script([EMPTY]), auth={"path": f"http://127.0.0.1:{port}/oauth/token"}) as here:
            with pytest.raises(NotSent):
                await here.client.create(THING, {}, idempotency_key="k")
            assert here.client.requests == 0


@in_loop
async def test_one_that_waited_and_was_cancelled_does_not_stop_the_others() -> None:
    script = Script([EMPTY])
    started, release = anyio.Event(), anyio.Event()

    async def slow(request: Request) -> bytes | None:
        if request.is_token and not script.asked:
            script.asked.append(request)
            started.set()
            await release.wait()
            return token(1)
        return await script(request)

    async with wired(slow) as here, anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def impatient() -> None:
            with first:
                await here.client.list(THING)

        group.start_soon(impatient)
        await started.wait()
        group.start_soon(here.client.list, THING)
        await anyio.lowlevel.checkpoint()
        first.cancel()
        release.set()
    assert len(script.asked) == 2
    assert len(script.seen) == 1
