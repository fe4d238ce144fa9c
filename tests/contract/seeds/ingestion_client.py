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
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx

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
