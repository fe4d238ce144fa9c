"""The client that has a data extension synced and waits for the webhook (contract: Operations, extension syncs).

It is written anew by what the contract's source does: a token from ``/api/v2/oauth2/token``, cached until a minute
before its end; the extension's schema, by which it transforms the records that its own endpoint serves; the sync with
up to two repeats on 429; a receiver that pushes the health event before it answers, forgets the job then, and answers
404 to anything about a job that it does not know. Its own defects are mended: a tracked job knows its own id, the
recovery payload is made in the receiver that is run, and a date that is null stays null. Waits are noted, not waited.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension
from tests.support.emulator import RunningEmulator
from tests.support.loopback import Call, Reply, loopback_server

FIELDS = [
    {"name": "customerId", "type": "string", "nullable": False, "maxLength": 40},
    {"name": "name", "type": "string"},
    {"name": "orders", "type": "number"},
    {"name": "optedIn", "type": "boolean"},
    {"name": "since", "type": "date"},
]
MAPPINGS = [{"source": field["name"], "target": field["name"]} for field in FIELDS]
RECORDS = [
    {"customerId": " c-1 ", "name": "Ada", "orders": 3, "optedIn": True, "since": "2020-02-03"},
    {"customerId": "c-2", "name": None, "orders": None, "optedIn": None, "since": None},
    {"customerId": "c-3", "name": "x" * 256, "orders": 1, "optedIn": False, "since": "2021-01-01"},
]
_LONGEST = 255
_DEFAULTS = {"string": "", "number": 0, "boolean": False, "date": None}


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def is_date(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str) and len(value) <= _LONGEST,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == value,
    "boolean": lambda value: isinstance(value, bool),
    "date": is_date,
}


class SyncClient:
    """The client. ``waits`` are the seconds it would have waited, ``audit`` the lines it would have written."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False, verify=False)
        self._token = ""
        self._token_ends = 0.0
        self.active: dict[str, dict[str, Any]] = {}
        self.tracking = threading.Event()
        self.tracking.set()
        self.waits: list[float] = []
        self.audit: list[dict[str, Any]] = []
        self.recovery: list[dict[str, Any]] = []
        self.url = ""

    def close(self) -> None:
        self._http.close()

    def _headers(self) -> dict[str, str]:
        if not self._token or time.time() >= self._token_ends - 60:
            form = {
                "grant_type": "client_credentials",
                "client_id": "local",
                "client_secret": "local-secret",
                "scope": "data:read data:write data:sync",
            }
            answer = self._http.post("/api/v2/oauth2/token", data=form).raise_for_status().json()
            self._token, self._token_ends = answer["access_token"], time.time() + answer["expires_in"]
        return {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def schema(self, extension_id: str) -> list[dict[str, Any]]:
        path = f"/api/v2/data/extensions/{extension_id}/schema"
        answer = self._http.get(path, headers=self._headers()).raise_for_status().json()
        if not isinstance(answer.get("fields"), list):
            raise TypeError("Invalid extension schema structure")
        return list(answer["fields"])

    def transform(
        self, fields: list[dict[str, Any]], records: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Give the records that go on, and those that are rejected."""
        good, bad = [], []
        for record in records:
            wrong = [
                f"Field {field['name']}: invalid {field['type']} value"
                for field in fields
                if record.get(field["name"]) is not None and not FITS[field["type"]](record[field["name"]])
            ]
            if wrong:
                bad.append({"record": record, "errors": wrong})
                continue
            enriched = dict(record)
            for field in fields:
                name, value = field["name"], record.get(field["name"])
                enriched[name] = _DEFAULTS[field["type"]] if value is None else value
                if field["type"] == "string":
                    enriched[name] = enriched[name].strip()[:_LONGEST]
                if field["type"] == "date" and enriched[name]:
                    moment = datetime.fromisoformat(enriched[name]).replace(tzinfo=UTC)
                    enriched[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            good.append(enriched | {"_syncTimestamp": now(), "_sourceSystem": "ETL_PIPELINE_V1"})
        return good, bad

    def run(self, extension_id: str, source: str, mappings: list[dict[str, str]]) -> str:
        """Start the sync, track its job, and give the job's id."""
        self.schema(extension_id)
        payload = {
            "extensionId": extension_id,
            "sourceType": "REST",
            "sourceEndpoint": source,
            "fieldMappings": mappings,
            "syncMode": "INCREMENTAL",
            "webhookUrl": self.url + "/webhook/cxone-sync",
            "options": {"maxBatchSize": 5000, "retryOnConflict": True, "nullValueHandling": "SET_NULL"},
        }
        initiated_at = now()
        job = str(self._start(extension_id, payload)["syncJobId"])
        assert self.tracking.wait(30)
        self.active[job] = {
            "syncJobId": job,
            "extensionId": extension_id,
            "initiatedAt": initiated_at,
            "payloadHash": hashlib.sha256(json.dumps(payload).encode()).hexdigest(),
        }
        return job

    def _start(self, extension_id: str, payload: dict[str, Any]) -> Any:
        for attempt in (1, 2, 3):
            answer = self._http.post(
                f"/api/v2/data/extensions/{extension_id}/sync", json=payload, headers=self._headers()
            )
            if answer.status_code != 429 or attempt == 3:
                break
            told = answer.headers.get("retry-after")
            self.waits.append(int(told) if told else 2 ** (attempt - 1))
        return answer.raise_for_status().json()

    def webhook(self, call: Call) -> Reply:
        """Deal with one call of the webhook: everything is done before it is answered."""
        body = call.json()
        job = self.active.get(body["syncJobId"])
        if job is None:
            return Reply(404, {"error": "Job not tracked"})
        errors = body.get("errors") or []
        malformed = [error for error in errors if error["type"] == "MALFORMED_RECORD"]
        if body["status"] == "FAILED" and malformed:
            self.recovery += [
                {"recordId": error["recordId"], "corrections": error["suggestedCorrections"], "retryBatch": True}
                for error in malformed
            ]
        metrics = self._metrics(job, body, len(malformed))
        self.audit.append(
            {
                "timestamp": now(),
                "action": "DATA_SYNC_JOB_COMPLETED",
                "resource": f"extensions/{job['extensionId']}",
                "jobId": job["syncJobId"],
                "metrics": metrics,
                "payloadHash": job["payloadHash"],
            }
        )
        self._push_health(metrics)
        del self.active[job["syncJobId"]]
        return Reply(200, {"acknowledged": True})

    @staticmethod
    def _metrics(job: dict[str, Any], body: dict[str, Any], rejected: int) -> dict[str, Any]:
        total = body["progress"].get("totalRecords") or 0
        return {
            "jobId": job["syncJobId"],
            "latencyMs": milliseconds(body["completedAt"]) - milliseconds(job["initiatedAt"]),
            "totalRecords": total,
            "rejectedRecords": rejected,
            "rejectionRate": rejected / total * 100 if total else 0,
            "status": body["status"],
        }

    def _push_health(self, metrics: dict[str, Any]) -> None:
        event = {
            "eventType": "CXONE_EXTENSION_HEALTH",
            "data": {
                "extensionId": metrics["jobId"].rpartition("_")[2],
                "syncLatencyMs": metrics["latencyMs"],
                "rejectionRatePercent": metrics["rejectionRate"],
                "healthScore": "HEALTHY" if metrics["rejectionRate"] < 2 else "DEGRADED",
                "reportedAt": now(),
            },
        }
        self._http.post("/api/v2/events/stream", json=event, headers=self._headers()).raise_for_status()


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
