"""The client that ingests records into a dataset in batches (contract: Operations, records).

It is written anew by what the contract's source does: a token from ``/oauth2/token``, cached until 5 s before its end;
records coerced and checked before anything is sent, the first of a key winning over the whole call; batches one after
the other, each attempt with a request id of its own; up to three retries on 429 and 5xx, whatever ``Retry-After`` says;
a batch that fails does not stop the next; at the end the orchestrator is told, and its failure never fails the run.
Its own defects are mended: what is no number is an error instead of a NaN, and latency is measured from the start of a
batch. Waits are noted, not waited.
"""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import DATASETS, created
from tests.support.emulator import RunningEmulator
from tests.support.loopback import LoopbackServer, Reply, loopback_server

COLUMNS = {
    "external_id": "string",
    "customer_email": "string",
    "ticket_priority": "number",
    "is_resolved": "boolean",
    "resolved_date": "date",
}
SCHEMA: dict[str, Any] = {"primaryKey": "external_id", "columns": COLUMNS}
_MISSING = object()


class IngestError(Exception):
    """A batch that is given up."""


def row(key: str, **more: Any) -> dict[str, Any]:
    return {
        "external_id": key,
        "customer_email": f"{key}@example.com",
        "ticket_priority": "2",
        "is_resolved": "true",
        "resolved_date": "2024-01-15",
    } | more


def coerce(value: Any, type_: str) -> Any:
    if type_ == "number":
        number = float(value)
        if math.isnan(number):
            raise ValueError("not a number")
        return number
    if type_ == "boolean":
        return value is True or value == "true"
    if type_ == "date":
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def validate(
    records: list[dict[str, Any]], schema: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the records that are sent, coerced in place, and an error for each other."""
    valid, errors = [], []
    seen = set[str]()
    for index, record in enumerate(records):
        problems = []
        key = record.get(schema["primaryKey"], _MISSING)
        if key is not _MISSING and str(key) in seen:
            problems.append(f"Duplicate primary key: {key}")
        seen.add(str(key))
        for column, type_ in schema["columns"].items():
            if column not in record:
                problems.append(f"Missing required column: {column}")
                continue
            try:
                record[column] = coerce(record[column], type_)
            except (TypeError, ValueError) as error:
                problems.append(f"Type coercion failed for {column}: {error}")
        if problems:
            errors.append({"index": index, "message": "; ".join(problems)})
        else:
            valid.append(record)
    return valid, errors


class Ingestor:
    """The client. ``waits`` are the seconds it would have waited."""

    def __init__(self, base_url: str, dataset_id: str, *, batch_size: int = 500, callback_url: str = "") -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False, verify=False)
        self._dataset = dataset_id
        self._batch_size = batch_size
        self._callback_url = callback_url
        self._token = ""
        self._token_ends = 0.0
        self.scope = "data-actions:read data-actions:write"
        self.mode = "upsert"
        self.waits: list[float] = []
        self.audit: list[dict[str, Any]] = []

    def close(self) -> None:
        self._http.close()

    def token(self) -> str:
        if not self._token or time.time() >= self._token_ends:
            form = {
                "grant_type": "client_credentials",
                "client_id": "local",
                "client_secret": "local-secret",
                "scope": self.scope,
            }
            answer = self._http.post("/oauth2/token", data=form).raise_for_status().json()
            self._token, self._token_ends = answer["access_token"], time.time() + answer["expires_in"] - 5
        return self._token

    def ingest(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send all records that are valid, and give what became of each batch."""
        valid, errors = validate(records, SCHEMA)
        if errors:
            self.audit.append({"type": "validation_errors", "errors": errors})
        batches = [valid[first : first + self._batch_size] for first in range(0, len(valid), self._batch_size)]
        results = [self._result(batch) for batch in batches]
        self._notify(
            {
                "totalRecords": len(records),
                "validRecords": len(valid),
                "chunksProcessed": len(batches),
                "auditLogs": self.audit,
            }
        )
        return results

    def _result(self, batch: list[dict[str, Any]]) -> dict[str, Any]:
        token, began = self.token(), time.monotonic()
        try:
            answer = self.send(batch, token)
        except (IngestError, httpx.HTTPError) as error:
            entry = {"success": False, "type": "ingestion_error", "message": str(error), "batchSize": len(batch)}
        else:
            seconds = time.monotonic() - began
            entry = {
                "success": True,
                "requestId": answer.headers["x-request-id"],
                "batchSize": len(batch),
                "latencyMs": seconds * 1000,
                "commitRatePerSecond": len(batch) / seconds,
                "cxoneStatus": answer.status_code,
                "recordsProcessed": answer.json().get("processedCount", 0),
                "recordsFailed": answer.json().get("failedCount", 0),
            }
        self.audit.append(entry)
        return entry

    def send(self, batch: list[dict[str, Any]], token: str, retries: int = 3) -> httpx.Response:
        """Send one batch; raises for what is given up, and for an answer that does not come at all."""
        body = {
            "records": batch,
            "deduplicationStrategy": {"mode": self.mode, "keys": [SCHEMA["primaryKey"]]},
            "schemaInference": {"enabled": False, "strictMode": True},
        }
        for attempt in range(retries + 1):
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "X-Request-Id": str(uuid.uuid4()),
                "Accept": "application/json",
            }
            answer = self._http.post(
                f"/api/v2/data-actions/datasets/{self._dataset}/records", json=body, headers=headers
            )
            if not (answer.status_code == 429 or answer.is_server_error) or attempt == retries:
                break
            self.waits.append(min(2**attempt + random.random() / 2, 10))
        return self._accepted(answer)

    @staticmethod
    def _accepted(answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 400:
            raise IngestError(f"Schema validation failed: {answer.json()['message']}")
        if answer.status_code in (401, 403):
            raise IngestError(f"Authentication/Authorization failed: {answer.status_code}")
        if answer.status_code == 409:
            raise IngestError("Conflict: Duplicate primary key detected in batch")
        return answer.raise_for_status()

    def _notify(self, payload: dict[str, Any]) -> None:
        if not self._callback_url:
            return
        body = {"event": "data_actions_ingestion_complete", "payload": payload}
        try:
            httpx.post(self._callback_url, json=body, timeout=5, trust_env=False, verify=False)
        except httpx.HTTPError as error:
            self.audit.append({"type": "callback_failed", "message": str(error)})


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
