"""Writes while things break: what is sent again, what is unknown, and that nothing happens twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.core.resource import Observed, Pin
from reconciler.cxone.client import Client
from reconciler.errors import BadAnswer, NotSent, OutcomeUnknown, RateLimited, Refused, ServerFailed
from reconciler.kinds.dataset import KIND as DATASET
from tests.support.cxone import (
    DATASET_BODY,
    SECRET,
    THING,
    FakeTime,
    Request,
    Script,
    answer,
    client,
    closed_port,
    in_loop,
    token,
    wired,
)
from tests.support.emulator import RunningEmulator, running_emulator

PIN = Pin("etag", "e1")
RESOURCE = {"id": "a", "name": "x"}

Write = Callable[[Client], Awaitable[Any]]


async def create(one: Client) -> Observed:
    return await one.create(THING, {"name": "x"}, idempotency_key="key-1")


async def update(one: Client) -> Observed:
    return await one.update(THING, "a", {"name": "x"}, pin=PIN)


async def delete(one: Client) -> None:
    await one.delete(THING, "a", pin=PIN)


WRITES = pytest.mark.parametrize("write", [create, update, delete])


@pytest.mark.parametrize(
    "lost",
    [
        None,
        answer(500, {"code": "INTERNAL", "message": "boom"}),
        answer(502, b"<html>bad gateway</html>", {"content-type": "text/html"}),
        answer(503, {"message": "no hint when"}),
        answer(504),
        answer(524),
        b"HTTP/1.1 201 X\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{",
        b"garbage\r\n\r\n",
    ],
    ids=["reset", "500", "502", "503", "504", "524", "truncated", "garbage"],
)
@WRITES
@in_loop
async def test_a_write_without_a_usable_answer_is_unknown_and_sent_once(write: Write, lost: bytes | None) -> None:
    script = Script([lost])
    async with wired(script) as here:
        with pytest.raises(OutcomeUnknown):
            await write(here.client)
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    "useless",
    [
        answer(200, b'{"id": "a", "na'),
        answer(200, b"<html>welcome</html>", {"content-type": "text/html"}),
        answer(200, {"name": "no id"}),
        answer(200, {"code": "LOCKED", "message": "in spite of 200"}),
        answer(200, {"errors": [{"message": "in spite of 200"}]}),
        answer(200, [1]),
        answer(200, b""),
    ],
)
@pytest.mark.parametrize("write", [create, update])
@in_loop
async def test_a_success_that_cannot_be_read_is_unknown(write: Write, useless: bytes) -> None:
    script = Script([useless])
    async with wired(script) as here:
        with pytest.raises(OutcomeUnknown) as caught:
            await write(here.client)
    assert caught.value.status == 200
    assert len(script.seen) == 1


@in_loop
async def test_another_resource_in_the_answer_of_an_update_is_unknown() -> None:
    async with wired(Script([answer(200, {"id": "b"})])) as here:
        with pytest.raises(OutcomeUnknown, match="another resource, b"):
            await update(here.client)


@WRITES
@pytest.mark.parametrize(
    ("held_back", "seconds"),
    [
        (answer(429, None, {"retry-after": "7"}), 7),
        (answer(503, None, {"retry-after": "7"}), 7),
        (answer(429), 0),
    ],
)
@in_loop
async def test_a_write_that_was_surely_not_processed_is_sent_again_the_same(
    write: Write, held_back: bytes, seconds: int
) -> None:
    script = Script([held_back, held_back, answer(200, RESOURCE)])
    async with wired(script) as here:
        await write(here.client)
    first, *again = script.seen
    kept = ("if-match", "if-none-match", "idempotency-key", "content-type")
    for request in again:
        assert (request.method, request.target, request.body) == (first.method, first.target, first.body)
        assert [request.headers.get(name) for name in kept] == [first.headers.get(name) for name in kept]
    assert len({request.headers["x-request-id"] for request in script.seen}) == 3
    assert sum(here.time.slept) >= 2 * seconds


@in_loop
async def test_headers_of_writes_are_the_contracts() -> None:
    script = Script([answer(200, RESOURCE, {"etag": '"e2"'})])
    async with wired(script) as here:
        assert (await create(here.client)).etag == "e2"
        await update(here.client)
        await delete(here.client)
        await here.client.update(THING, "a", {}, pin=Pin("version", "1.2.3"))
        await here.client.update(THING, "a", {}, pin=Pin("compare", digest="d"))
    made, changed, deleted, by_version, compared = [request.headers for request in script.seen]
    assert (made["if-none-match"], made["idempotency-key"]) == ("*", "key-1")
    assert (made["content-type"], changed["content-type"]) == ("application/json", "application/merge-patch+json")
    assert (changed["if-match"], deleted["if-match"], by_version["if-match"]) == ('"e1"', '"e1"', '"1.2.3"')
    assert "if-match" not in compared
    assert "idempotency-key" not in changed


@pytest.mark.parametrize("pin", [Pin("absent"), Pin("etag", "")])
@in_loop
async def test_a_pin_that_pins_nothing_is_refused(pin: Pin) -> None:
    script = Script([answer(200, RESOURCE)])
    async with wired(script) as here:
        with pytest.raises(ValueError, match="needs the state"):
            await here.client.update(THING, "a", {}, pin=pin)
    assert script.seen == []


@in_loop
async def test_an_update_answered_without_a_body_is_read_back() -> None:
    script = Script([b"HTTP/1.1 204 X\r\n\r\n", answer(200, {"id": "a", "name": "now"})])
    async with wired(script) as here:
        assert (await update(here.client)).name == "now"
    assert [request.method for request in script.seen] == ["PATCH", "GET"]


@pytest.mark.parametrize(
    "refusal",
    [
        answer(403, {"code": "FORBIDDEN", "message": "may only write"}),
        answer(429, None, {"retry-after": "9999"}),
        answer(200, b"<html>welcome</html>", {"content-type": "text/html"}),
        answer(404, {"code": "NOT_FOUND", "message": "gone meanwhile"}),
        None,
    ],
    ids=["403", "429", "html", "404", "reset"],
)
@in_loop
async def test_an_update_answered_without_a_body_was_carried_out_though_it_cannot_be_read(
    refusal: bytes | None,
) -> None:
    script = Script([b"HTTP/1.1 204 X\r\n\r\n", refusal])
    async with wired(script) as here:
        with pytest.raises(OutcomeUnknown):
            await update(here.client)
    assert [request.method for request in script.seen].count("PATCH") == 1


@WRITES
@in_loop
async def test_what_never_left_is_tried_again_and_then_not_sent(write: Write) -> None:
    async def gone(_: Request) -> bytes | None:
        raise AssertionError("nobody listens here")

    with closed_port() as port:
        async with wired(gone, url=f"http://127.0.0.1:{port}") as here:
            with pytest.raises(NotSent):
                await write(here.client)
            assert len(here.records) == 5
            assert {record.status for record in here.records} == {None}


@pytest.mark.parametrize(("status", "error"), [(429, RateLimited), (503, ServerFailed)])
@in_loop
async def test_endless_refusals_end(status: int, error: type[Exception]) -> None:
    script = Script([answer(status, {"code": "BUSY", "message": "later"}, {"retry-after": "1"})])
    async with wired(script) as here:
        with pytest.raises(error, match="after 12 attempts: later"):
            await update(here.client)
    assert len(script.seen) == 12


@in_loop
async def test_an_absurd_retry_after_fails_at_once() -> None:
    script = Script([answer(429, None, {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"})])
    async with wired(script) as here:
        with pytest.raises(RateLimited, match="asks to wait"):
            await update(here.client)
    assert here.time.slept == []


@in_loop
async def test_a_redirected_write_was_not_carried_out_and_follows_nothing() -> None:
    script = Script([answer(307, None, {"location": "http://other.example.com/things/a"})])
    async with wired(script) as here:
        with pytest.raises(BadAnswer, match=r"other\.example\.com"):
            await update(here.client)
    assert len(script.seen) == 1


@in_loop
async def test_errors_do_not_repeat_what_was_sent() -> None:
    async def echo(request: Request) -> bytes:
        if request.is_token:
            return token(access_token="very-secret-token")
        text = f"{request.body.decode()} {request.headers['authorization']} {SECRET}"
        return answer(400, {"code": "INVALID", "message": text})

    def hide(text: str) -> str:
        return text.replace("canary", "***")

    async with wired(echo, redact=hide) as here:
        with pytest.raises(Refused) as caught:
            await here.client.create(THING, {"apiKey": "canary"}, idempotency_key="k")
        shown = f"{caught.value!r} {caught.value.fix} {here.records}"
    for secret in ("canary", "very-secret-token", SECRET):
        assert secret not in shown


class TestAgainstTheEmulator:
    """The same with a server that keeps a state, to see what really happened."""

    @staticmethod
    def _break(emulator: RunningEmulator, method: str, effect: dict[str, Any], times: int = 1) -> None:
        rule = {"match": {"method": method, "path": "/api/v2/*"}, "times": times, "effect": effect}
        emulator.control("POST", "faults", {"rules": [rule]})

    @pytest.mark.parametrize("effect", [{"drop": "after"}, {"drop": "before"}, {"truncate": True}, {"malformed": True}])
    @in_loop
    async def test_sending_an_unknown_create_again_makes_one_resource(self, effect: dict[str, Any]) -> None:
        with running_emulator() as emulator:
            async with client(emulator.url) as one:
                self._break(emulator, "POST", effect)
                with pytest.raises(OutcomeUnknown):
                    await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
                made = await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
                assert [item.id for item in await one.list(DATASET)] == [made.id]

    @in_loop
    async def test_an_unknown_update_is_carried_out_or_not_but_never_twice(self) -> None:
        with running_emulator() as emulator:
            async with client(emulator.url) as one:
                made = await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
                self._break(emulator, "PATCH", {"drop": "after"})
                with pytest.raises(OutcomeUnknown):
                    await one.update(DATASET, made.id, {"description": "new"}, pin=Pin("etag", made.etag))
                live = await one.get(DATASET, made.id)
                assert live is not None
                assert live.body["description"] == "new"
                assert [entry["method"] for entry in emulator.requests()].count("PATCH") == 1

    @in_loop
    async def test_a_server_that_limits_is_waited_for_in_one_place(self) -> None:
        time = FakeTime()
        with running_emulator() as emulator:
            self._break(emulator, "POST", {"status": 429, "headers": {"Retry-After": "3"}}, times=2)
            async with client(emulator.url, timing=time.timing) as one:
                await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
                assert one.requests_by_method == {"POST": 3}
        assert sum(time.slept) >= 6
