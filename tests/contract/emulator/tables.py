"""A dataset that records are sent to, and how the tests read the answers."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx

from tests.contract.emulator.bodies import DATASETS, created, dataset, path_of
from tests.support.emulator import RunningEmulator


class Table:
    """A dataset that records are sent to."""

    def __init__(self, api: httpx.Client, emulator: RunningEmulator, **more: Any) -> None:
        self._api = api
        self._emulator = emulator
        self.resource = created(api, DATASETS, dataset(**more))
        self.path = path_of(DATASETS, self.resource)

    def send(self, *records: Any, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self._api.post(self.path + "/records", json={"records": list(records), **more}, headers=headers)

    def dedup(self, mode: str, *records: Any, keys: list[str] | None = None) -> httpx.Response:
        return self.send(*records, deduplicationStrategy={"mode": mode, "keys": keys or []})

    def stored(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._emulator.control("GET", f"datasets/{self.resource['id']}/records")[
            "records"
        ]
        assert self.read()["recordCount"] == len(found)
        return found

    def read(self) -> dict[str, Any]:
        resource: dict[str, Any] = self._api.get(self.path).json()
        return resource


def counts(answer: httpx.Response) -> tuple[int, int]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["processedCount", "failedCount", "errors"]
    assert len(body["errors"]) == body["failedCount"]
    return body["processedCount"], body["failedCount"]


def duplicates(answer: httpx.Response) -> list[str]:
    assert (answer.status_code, answer.json()["code"]) == (409, "DUPLICATE_KEY")
    return [detail["field"] for detail in answer.json()["details"]]
