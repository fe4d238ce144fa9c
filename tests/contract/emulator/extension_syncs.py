"""A data extension and its syncs, and how the tests read the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2 as httpx

from tests.contract.emulator.bodies import EXTENSIONS, created, extension, path_of
from tests.support.emulator import RunningEmulator
from tests.support.loopback import LoopbackServer, paged_source

FIELDS = [
    {"name": "note", "type": "string", "maxLength": 10},
    {"name": "id", "type": "string", "maxLength": 8, "nullable": False},
    {"name": "n", "type": "number"},
    {"name": "on", "type": "boolean"},
    {"name": "since", "type": "date"},
]
NOWHERE = "http://127.0.0.1:9/records"


class Syncs:
    """One extension and the syncs that are started for it."""

    def __init__(self, api: httpx.Client, emulator: RunningEmulator, **more: Any) -> None:
        self.api = api
        self.emulator = emulator
        self.resource = created(api, EXTENSIONS, extension(fields=FIELDS, **more))
        self.path = path_of(EXTENSIONS, self.resource)

    def post(self, source: str = NOWHERE, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.api.post(self.path + "/sync", json={"sourceEndpoint": source} | more, headers=headers)

    def start(self, source: str, **more: Any) -> str:
        """Start a sync and give where its status is."""
        answer = self.post(source, **more)
        assert answer.status_code == 202, answer.text
        assert list(answer.json()) == ["syncJobId"]
        return str(answer.headers["location"])

    def status(self, location: str) -> dict[str, Any]:
        answer = self.api.get(location)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def until(self, location: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Give the status once it is as wanted, moving the clock on meanwhile."""
        deadline = time.monotonic() + 30
        while not good(body := self.status(location)):
            assert time.monotonic() < deadline, body
            self.emulator.control("POST", "clock", {"advanceSeconds": 1})
            time.sleep(0.01)
        return body

    def run(self, source: str, **more: Any) -> dict[str, Any]:
        """Start a sync and give how it ended."""
        return self.until(self.start(source, **more), lambda body: body["completedAt"] is not None)

    def stored(self) -> list[dict[str, Any]]:
        path = f"extensions/{self.resource['id']}/records"
        found: list[dict[str, Any]] = self.emulator.control("GET", path)["records"]
        assert self.read()["recordCount"] == len(found)
        return found

    def read(self) -> dict[str, Any]:
        resource: dict[str, Any] = self.api.get(self.path).json()
        return resource


def counts(body: dict[str, Any]) -> tuple[str, int, int, int]:
    progress = body["progress"]
    return body["status"], progress["totalRecords"], progress["processedRecords"], progress["rejectedRecords"]


Serve = Callable[..., LoopbackServer]
"""Serves pages of records for as long as a test runs."""


@contextmanager
def serving() -> Iterator[Serve]:
    """Give a function that serves pages, each a list of records, until the context ends."""
    with ExitStack() as servers:
        yield lambda *pages: servers.enter_context(paged_source(list(pages)))
