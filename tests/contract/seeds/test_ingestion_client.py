"""The client that ingests records in batches, against the emulator over a real port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import DATASETS, created
from tests.contract.seeds.ingestion_client import SCHEMA, Ingestor, row
from tests.support.emulator import RunningEmulator
from tests.support.loopback import LoopbackServer, Reply, loopback_server


@pytest.fixture
def dataset_id(api: httpx.Client) -> str:
    return str(created(api, DATASETS, {"name": "tickets", **SCHEMA})["id"])


@pytest.fixture
def orchestrator() -> Iterator[LoopbackServer]:
    with loopback_server(lambda _: Reply()) as server:
        yield server


@pytest.fixture
def ingestor(emulator: RunningEmulator, dataset_id: str, orchestrator: LoopbackServer) -> Iterator[Ingestor]:
    client = Ingestor(emulator.url, dataset_id, batch_size=2, callback_url=orchestrator.url)
    yield client
    client.close()


@pytest.fixture
def stored(emulator: RunningEmulator, dataset_id: str) -> Any:
    """Give a function that gives the records of the dataset by their keys."""

    def read() -> dict[str, dict[str, Any]]:
        records = emulator.control("GET", f"datasets/{dataset_id}/records")["records"]
        return {record["external_id"]: record for record in records}

    return read


def fault(emulator: RunningEmulator, times: int, **effect: Any) -> None:
    rule = {"match": {"method": "POST", "path": "*/records"}, "times": times, "effect": effect}
    emulator.control("POST", "faults", {"rules": [rule]})


def sent(emulator: RunningEmulator) -> list[dict[str, Any]]:
    return [request for request in emulator.requests() if request["path"].endswith("/records")]


def test_the_whole_story(ingestor: Ingestor, orchestrator: LoopbackServer, stored: Any) -> None:
    records = [row("a"), row("b", is_resolved=False), row("a", customer_email="later"), row("c", ticket_priority="abc")]
    results = ingestor.ingest([*records, row("d"), row("e", resolved_date="soon"), {"external_id": "f"}])
    assert [(result["recordsProcessed"], result["recordsFailed"]) for result in results] == [(2, 0), (1, 0)]
    assert {key: record["ticket_priority"] for key, record in stored().items()} == {"a": 2, "b": 2, "d": 2}
    assert stored()["a"] == row("a", ticket_priority=2, is_resolved=True, resolved_date="2024-01-15T00:00:00.000Z")
    (call,) = orchestrator.calls
    assert call.json()["event"] == "data_actions_ingestion_complete"
    payload = call.json()["payload"]
    assert [payload[name] for name in ("totalRecords", "validRecords", "chunksProcessed")] == [7, 3, 2]
    first, *batches = payload["auditLogs"]
    assert [error["index"] for error in first["errors"]] == [2, 3, 5, 6]
    assert first["errors"][0]["message"] == "Duplicate primary key: a"
    assert first["errors"][3]["message"].count("Missing required column") == 4
    assert all(entry["requestId"] and entry["latencyMs"] > 0 for entry in batches)


def test_a_run_again_updates(ingestor: Ingestor, stored: Any) -> None:
    ingestor.ingest([row("a"), row("b"), row("c")])
    ingestor.ingest([row("b", customer_email="new"), row("d")])
    assert {key: record["customer_email"] for key, record in stored().items()} == {
        "a": "a@example.com",
        "b": "new",
        "c": "c@example.com",
        "d": "d@example.com",
    }


def test_what_may_pass_is_sent_again(ingestor: Ingestor, emulator: RunningEmulator, stored: Any) -> None:
    for status in (503, 429, 500):
        fault(emulator, 1, status=status, headers={"Retry-After": "120"})
    (result,) = ingestor.ingest([row("a")])
    assert result["success"]
    assert list(stored()) == ["a"]
    requests = sent(emulator)
    assert [request["status"] for request in requests] == [503, 429, 500, 200]
    assert len({request["requestId"] for request in requests}) == 4
    assert result["requestId"] == requests[-1]["requestId"]
    assert all(low <= wait <= low + 0.5 for wait, low in zip(ingestor.waits, (1, 2, 4), strict=True))


def test_a_batch_that_is_given_up_does_not_stop_the_next(
    ingestor: Ingestor, emulator: RunningEmulator, stored: Any
) -> None:
    fault(emulator, 4, status=502)
    results = ingestor.ingest([row("a"), row("b"), row("c")])
    assert [result["success"] for result in results] == [False, True]
    assert "502" in results[0]["message"]
    assert list(stored()) == ["c"]


def test_an_answer_that_is_lost_is_not_asked_for_again(
    ingestor: Ingestor, emulator: RunningEmulator, stored: Any
) -> None:
    fault(emulator, 1, drop="after")
    results = ingestor.ingest([row("a"), row("b"), row("c")])
    assert [result["success"] for result in results] == [False, True]
    assert list(stored()) == ["a", "b", "c"]
    assert len(sent(emulator)) == 2
    assert all(result["success"] for result in ingestor.ingest([row("a"), row("b"), row("c")]))
    assert list(stored()) == ["a", "b", "c"]


def test_a_record_against_the_schema_stores_nothing_of_its_batch(ingestor: Ingestor, stored: Any) -> None:
    results = ingestor.ingest([row("a"), row("b", extra=1), row("c")])
    assert results[0]["message"].startswith("Schema validation failed: 1 of 2 records break the dataset's schema")
    assert "records[1].extra" in results[0]["message"]
    assert list(stored()) == ["c"]
    assert ingestor.waits == []


def test_duplicates_may_be_refused(ingestor: Ingestor, stored: Any) -> None:
    ingestor.ingest([row("a")])
    ingestor.mode = "reject"
    (result,) = ingestor.ingest([row("b"), row("a")])
    assert result["message"] == "Conflict: Duplicate primary key detected in batch"
    assert list(stored()) == ["a"]
    assert ingestor.waits == []


def test_a_scope_that_is_missing(ingestor: Ingestor, stored: Any) -> None:
    ingestor.scope = "data-actions:read"
    (result,) = ingestor.ingest([row("a")])
    assert result["message"] == "Authentication/Authorization failed: 403"
    assert stored() == {}


def test_a_token_that_has_expired(ingestor: Ingestor, emulator: RunningEmulator, stored: Any) -> None:
    ingestor.token()
    emulator.control("POST", "clock", {"advanceSeconds": 3600})
    (result,) = ingestor.ingest([row("a")])
    assert result["message"] == "Authentication/Authorization failed: 401"
    assert stored() == {}


def test_a_batch_may_be_larger_than_the_tenant_takes(emulator: RunningEmulator, dataset_id: str, stored: Any) -> None:
    client = Ingestor(emulator.url, dataset_id, batch_size=1001)
    (result,) = client.ingest([row(f"k{number}") for number in range(1001)])
    client.close()
    assert "413" in result["message"]
    assert stored() == {}


def test_an_orchestrator_that_is_away_fails_nothing(emulator: RunningEmulator, dataset_id: str, stored: Any) -> None:
    client = Ingestor(emulator.url, dataset_id, callback_url="http://127.0.0.1:9/")
    (result,) = client.ingest([row(f"k{number}") for number in range(500)])
    client.close()
    assert (result["success"], result["recordsProcessed"]) == (True, 500)
    assert client.audit[-1]["type"] == "callback_failed"
    assert len(stored()) == 500
