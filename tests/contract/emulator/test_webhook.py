"""The webhook of an extension's sync, and the health events that its receiver pushes, over real ports."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension, path_of, refused
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.loopback import Call, LoopbackServer, Reply, loopback_server, paged_source

SECRET = "s3cret"
EVENTS = "/api/v2/events/stream"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningEmulator]:
    with running_emulator(webhook_secret=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def source() -> Iterator[LoopbackServer]:
    with paged_source([[{"id": "a"}, {"id": 5}]]) as serving:
        yield serving


def start(api: httpx.Client, source: LoopbackServer, receiver: LoopbackServer, name: str = "profile") -> str:
    """Start a sync of a new extension; give where its status is."""
    path = path_of(EXTENSIONS, created(api, EXTENSIONS, extension(name=name)))
    answer = api.post(path + "/sync", json={"sourceEndpoint": source.url, "webhookUrl": receiver.url + "/hook?a=b"})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def event(extension_id: str = "x1", **more: Any) -> dict[str, Any]:
    data = {
        "extensionId": extension_id,
        "syncLatencyMs": 120,
        "rejectionRatePercent": 1.5,
        "healthScore": "HEALTHY",
        "reportedAt": "2024-01-15T09:30:00.000Z",
    }
    return {"eventType": "CXONE_EXTENSION_HEALTH", "data": data | more}


def later(emulator: RunningEmulator, seconds: int = 60) -> None:
    emulator.control("POST", "clock", {"advanceSeconds": seconds})


def until_done(emulator: RunningEmulator) -> list[dict[str, Any]]:
    """Give what became of each call, once the emulator is done with all webhooks; the clock is moved on meanwhile."""
    deadline = time.monotonic() + 30
    while True:
        syncs = emulator.control("GET", "state")["syncs"]
        if all(sync["phase"] == "done" for sync in syncs):
            return [attempt for sync in syncs for attempt in sync["state"]["attempts"]]
        assert time.monotonic() < deadline, syncs
        later(emulator)
        time.sleep(0.01)


def test_it_tells_the_status_and_signs_it(api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer) -> None:
    with loopback_server(lambda _: Reply(204, b"")) as receiver:
        location = start(api, source, receiver)
        (call,) = receiver.wait_for(1)
        assert [attempt["status"] for attempt in until_done(emulator)] == [204]
        assert len(receiver.calls) == 1
    assert (call.method, call.path) == ("POST", "/hook?a=b")
    assert call.headers["content-type"] == "application/json"
    assert call.body == api.get(location).content
    assert call.json()["status"] == "COMPLETED"
    assert call.json()["progress"] == {"totalRecords": 2, "processedRecords": 1, "rejectedRecords": 1}
    stamp = call.headers["x-cxone-timestamp"]
    assert abs(int(stamp) - time.time()) < 60
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-cxone-signature"] == f"sha256={signature}"
    assert call.headers["x-cxone-delivery"]
    assert "authorization" not in call.headers


def test_without_a_secret_there_is_no_signature(source: LoopbackServer) -> None:
    with running_emulator() as emulator, emulator.client() as api, loopback_server(lambda _: Reply()) as receiver:
        start(api, source, receiver)
        (call,) = receiver.wait_for(1)
    assert "x-cxone-signature" not in call.headers
    assert call.headers["x-cxone-timestamp"].isdigit()


def test_anything_but_success_is_repeated(api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer) -> None:
    replies = iter([Reply(404), Reply(302, headers={"Location": source.url}), Reply(500), Reply(201)])
    with loopback_server(lambda _: next(replies)) as receiver:
        start(api, source, receiver)
        assert [attempt["status"] for attempt in until_done(emulator)] == [404, 302, 500, 201]
        calls = receiver.wait_for(4)
    assert len({call.headers["x-cxone-delivery"] for call in calls}) == 1
    assert len({call.body for call in calls}) == 1


def test_it_is_given_up_after_five_repeats(
    api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer
) -> None:
    with loopback_server(lambda _: Reply(404, {"error": "Job not tracked"})) as receiver:
        location = start(api, source, receiver)
        assert [attempt["status"] for attempt in until_done(emulator)] == [404] * 6
        later(emulator)
        assert len(receiver.calls) == 6
        assert api.get(location).json()["status"] == "COMPLETED"


def test_the_repeats_are_further_and_further_apart(
    api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer
) -> None:
    waits = (1, 2, 4, 8, 16)
    with loopback_server(lambda _: Reply(500)) as receiver:
        start(api, source, receiver)
        for count, seconds in enumerate(waits, start=1):
            receiver.wait_for(count)
            while len(emulator.control("GET", "state")["syncs"][0]["state"]["attempts"]) < count:
                time.sleep(0.01)
            later(emulator, seconds)
        receiver.wait_for(6)
        moments = [datetime.fromisoformat(attempt["at"]) for attempt in until_done(emulator)]
    gaps = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert all(gap >= wait for gap, wait in zip(gaps, waits, strict=True)), gaps


def test_a_receiver_that_is_away_is_tried_again(
    api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer
) -> None:
    with loopback_server(lambda _: Reply()) as gone:
        pass
    start(api, source, gone)
    attempts = until_done(emulator)
    assert [attempt["status"] for attempt in attempts] == [None] * 6
    assert "Connect" in attempts[0]["error"]


def test_a_failed_sync_is_told_too(api: httpx.Client, emulator: RunningEmulator) -> None:
    with loopback_server(lambda _: Reply(403)) as source, loopback_server(lambda _: Reply()) as receiver:
        start(api, source, receiver)
        (call,) = receiver.wait_for(1)
    assert call.json()["status"] == "FAILED"
    assert call.json()["progress"] == {"totalRecords": 0, "processedRecords": 0, "rejectedRecords": 0}
    assert call.json()["errors"][0]["type"] == "SOURCE_UNAVAILABLE"


def test_several_receivers_push_their_events_before_they_answer(
    api: httpx.Client, emulator: RunningEmulator, source: LoopbackServer
) -> None:
    together = threading.Barrier(3)

    def handle(call: Call) -> Reply:
        together.wait(30)  # all three webhooks are open now
        answer = httpx.post(
            emulator.url + EVENTS,
            json=event(call.json()["extensionId"]),
            headers={"Authorization": api.headers["authorization"]},
            trust_env=False,
            verify=False,
        )
        together.wait(30)
        return Reply(answer.status_code)

    with loopback_server(handle) as receiver:
        for name in "abc":
            start(api, source, receiver, name)
        receiver.wait_for(3)
        assert [attempt["status"] for attempt in until_done(emulator)] == [202] * 3
    pushed = emulator.control("GET", "state")["healthEvents"]
    extensions = {resource["id"] for resource in api.get(EXTENSIONS).json()["items"]}
    assert {event["data"]["extensionId"] for event in pushed} == extensions


class TestHealthEvents:
    """``POST /api/v2/events/stream`` by itself."""

    def test_they_are_kept(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        assert api.post(EVENTS, json=event()).status_code == 202
        (kept,) = emulator.control("GET", "state")["healthEvents"]
        assert kept == event() | {"clientId": "local", "at": kept["at"]}
        emulator.control("POST", "reset")
        assert emulator.control("GET", "state")["healthEvents"] == []

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, ["eventType", "data"]),
            (event() | {"eventType": "OTHER"}, ["eventType"]),
            (event() | {"more": 1}, ["more"]),
            (event(healthScore="GOOD"), ["data.healthScore"]),
            (event(rejectionRatePercent=101), ["data.rejectionRatePercent"]),
            (event(syncLatencyMs=-1), ["data.syncLatencyMs"]),
            (event(syncLatencyMs="1"), ["data.syncLatencyMs"]),
            (event(reportedAt="today"), ["data.reportedAt"]),
            (event(reportedAt="2024-02-30T00:00:00Z"), ["data.reportedAt"]),
            (event(extensionId=""), ["data.extensionId"]),
        ],
    )
    def test_bodies(self, api: httpx.Client, body: dict[str, Any], fields: list[str]) -> None:
        assert refused(api.post(EVENTS, json=body)) == fields

    @pytest.mark.parametrize("scope", ["data:read", "data:write", "data:sync"])
    def test_any_scope_of_data_will_do(self, emulator: RunningEmulator, scope: str) -> None:
        with emulator.client(scope) as api:
            assert api.post(EVENTS, json=event()).status_code == 202

    def test_others_will_not(self, emulator: RunningEmulator) -> None:
        with emulator.client("data-actions:write") as api:
            assert api.post(EVENTS, json=event()).status_code == 403
