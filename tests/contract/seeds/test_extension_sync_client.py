"""The client that has a data extension synced, against the emulator over a real port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension
from tests.contract.seeds.extension_sync_client import FIELDS, MAPPINGS, RECORDS, SyncClient
from tests.support.emulator import RunningEmulator
from tests.support.loopback import Call, Reply, loopback_server


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[SyncClient]:
    """Give the client, its receiver already listening."""
    client = SyncClient(emulator.url)
    with loopback_server(client.webhook) as receiver:
        client.url = receiver.url
        yield client
    client.close()


@pytest.fixture
def extension_id(api: httpx.Client) -> str:
    return str(created(api, EXTENSIONS, extension(fields=FIELDS))["id"])


def serving(records: list[Any]) -> Any:
    return loopback_server(lambda _: Reply(body=records))


def deliveries(emulator: RunningEmulator) -> list[int | None]:
    """Give the statuses that the webhook's calls were answered with, once nothing is left to do."""
    deadline = time.monotonic() + 30
    while True:
        (sync,) = emulator.control("GET", "state")["syncs"]
        if sync["phase"] == "done":
            return [attempt["status"] for attempt in sync["state"]["attempts"]]
        assert time.monotonic() < deadline, sync
        emulator.control("POST", "clock", {"advanceSeconds": 1})
        time.sleep(0.01)


def health(emulator: RunningEmulator) -> dict[str, Any]:
    (event,) = emulator.control("GET", "state")["healthEvents"]
    data: dict[str, Any] = event["data"]
    return data


def test_the_whole_story(client: SyncClient, emulator: RunningEmulator, extension_id: str) -> None:
    fields = client.schema(extension_id)
    good, bad = client.transform(fields, RECORDS)
    assert [rejected["errors"] for rejected in bad] == [["Field name: invalid string value"]]
    with serving(good) as source:
        job = client.run(extension_id, source.url, MAPPINGS)
        assert deliveries(emulator) == [200]
    assert client.active == {}
    (audit,) = client.audit
    assert audit["jobId"] == job
    assert audit["metrics"] | {"latencyMs": 0} == {
        "jobId": job,
        "latencyMs": 0,
        "totalRecords": 2,
        "rejectedRecords": 0,
        "rejectionRate": 0,
        "status": "COMPLETED",
    }
    assert audit["metrics"]["latencyMs"] >= 0
    pushed = health(emulator)
    assert (pushed["extensionId"], pushed["healthScore"]) == (extension_id, "HEALTHY")
    assert emulator.control("GET", f"extensions/{extension_id}/records")["records"] == [
        {"customerId": "c-1", "name": "Ada", "orders": 3, "optedIn": True, "since": "2020-02-03T00:00:00.000Z"},
        {"customerId": "c-2", "name": "", "orders": 0, "optedIn": False, "since": None},
    ]


def test_rejected_records_degrade_the_health(client: SyncClient, emulator: RunningEmulator, extension_id: str) -> None:
    records = [{"customerId": f"c-{number}"} for number in range(97)] + [{"customerId": "bad", "orders": "7"}] * 2
    with serving(records) as source:
        client.run(extension_id, source.url, MAPPINGS)
        assert deliveries(emulator) == [200]
    assert client.audit[0]["metrics"]["rejectedRecords"] == 2
    assert health(emulator)["healthScore"] == "DEGRADED"
    assert client.recovery == []


def test_a_failed_sync_gives_what_to_correct(client: SyncClient, emulator: RunningEmulator, extension_id: str) -> None:
    with serving([{"customerId": "c-1", "orders": "7", "optedIn": "true"}]) as source:
        client.run(extension_id, source.url, MAPPINGS)
        assert deliveries(emulator) == [200]
    assert client.audit[0]["metrics"]["status"] == "FAILED"
    assert client.recovery == [{"recordId": "c-1", "corrections": {"orders": 7, "optedIn": True}, "retryBatch": True}]


def test_a_webhook_that_comes_too_early_comes_again(
    client: SyncClient, emulator: RunningEmulator, extension_id: str
) -> None:
    client.tracking.clear()
    with serving([{"customerId": "c-1"}]) as source:
        running = threading.Thread(target=client.run, args=(extension_id, source.url, MAPPINGS))
        running.start()
        deadline = time.monotonic() + 30
        while not (syncs := emulator.control("GET", "state")["syncs"]) or not syncs[0]["state"]["attempts"]:
            assert time.monotonic() < deadline
        client.tracking.set()
        running.join()
        answers = deliveries(emulator)
    assert answers[-1] == 200
    assert set(answers[:-1]) == {404}
    assert len(client.audit) == 1


def test_a_repeat_of_what_is_done_is_not_found(
    client: SyncClient, emulator: RunningEmulator, extension_id: str
) -> None:
    """The first answer is lost: the client has done everything, and knows nothing of the job any more."""

    def forward(call: Call) -> Reply:
        reply = client.webhook(call)
        return reply if reply.status == 404 else Reply(502)

    with loopback_server(forward) as lossy, serving([{"customerId": "c-1"}]) as source:
        client.url = lossy.url
        client.run(extension_id, source.url, MAPPINGS)
        assert deliveries(emulator) == [502, *[404] * 5]
    assert len(client.audit) == 1
    assert health(emulator)["healthScore"] == "HEALTHY"


@pytest.mark.parametrize(("headers", "waits"), [({"Retry-After": "3"}, [3, 3]), ({}, [1, 2])])
def test_a_rate_limit_is_waited_out_twice(
    client: SyncClient, emulator: RunningEmulator, extension_id: str, headers: dict[str, str], waits: list[int]
) -> None:
    rule = {"match": {"path": "*/sync"}, "times": 2, "effect": {"status": 429, "headers": headers}}
    emulator.control("POST", "faults", {"rules": [rule]})
    with serving([{"customerId": "c-1"}]) as source:
        client.run(extension_id, source.url, MAPPINGS)
        assert deliveries(emulator) == [200]
    assert client.waits == waits


@pytest.mark.parametrize(("times", "status"), [(3, 429), (1, 503)])
def test_other_failures_end_the_run(
    client: SyncClient, emulator: RunningEmulator, extension_id: str, times: int, status: int
) -> None:
    rule = {"match": {"path": "*/sync"}, "times": times, "effect": {"status": status}}
    emulator.control("POST", "faults", {"rules": [rule]})
    with pytest.raises(httpx.HTTPStatusError) as error:
        client.run(extension_id, "http://127.0.0.1:9/", MAPPINGS)
    assert error.value.response.status_code == status
    assert emulator.control("GET", "state")["syncs"] == []


def test_a_mapping_to_no_field_is_refused(client: SyncClient, extension_id: str) -> None:
    with pytest.raises(httpx.HTTPStatusError) as error:
        client.run(extension_id, "http://127.0.0.1:9/", [{"source": "a", "target": "nope"}])
    assert error.value.response.status_code == 400
    assert client.waits == []


def test_several_jobs_at_once(client: SyncClient, api: httpx.Client, emulator: RunningEmulator) -> None:
    ids = [created(api, EXTENSIONS, extension(name=name, fields=FIELDS))["id"] for name in "abcde"]
    with serving([{"customerId": "c-1"}]) as source:
        jobs = [client.run(id_, source.url, MAPPINGS) for id_ in ids]
        deadline = time.monotonic() + 30
        while len(client.audit) < len(jobs):
            assert time.monotonic() < deadline
            emulator.control("POST", "clock", {"advanceSeconds": 1})
            time.sleep(0.01)
    assert sorted(audit["jobId"] for audit in client.audit) == sorted(jobs)
    assert {event["data"]["extensionId"] for event in emulator.control("GET", "state")["healthEvents"]} == set(ids)
