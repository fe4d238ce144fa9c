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
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx

from tests.support.loopback import Call, Reply

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
