"""An emulated tenant with one event stream, and what tests do to it."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.emulator import RunningEmulator, emulator_process, running_emulator

_WAITING_SECONDS = 60.0


@dataclass(frozen=True)
class Tenant:
    """A running emulator and the id of its stream."""

    emulator: RunningEmulator
    stream: str

    def publish(self, events: Sequence[Any], *, at_once: int = 5000) -> None:
        """Publish events; strings are sent as they are."""
        for start in range(0, len(events), at_once):
            self._publish(events[start : start + at_once])

    def _publish(self, events: Sequence[Any]) -> None:
        run: list[Any] = []
        for event in [*events, None]:
            if (run and isinstance(event, str) != isinstance(run[-1], str)) or (run and event is None):
                kind = "texts" if isinstance(run[0], str) else "events"
                self.emulator.control("POST", f"streams/{self.stream}/events", {kind: run})
                run = []
            if event is not None:
                run.append(event)

    def close(self, code: int) -> None:
        """Close the stream's connections."""
        self.emulator.control("POST", f"streams/{self.stream}/close", {"code": code})

    def end(self) -> None:
        """Close with 1000 once a connection has been given everything there is."""
        self.until(lambda state: any(item["confirmed"] == state["events"] for item in state["connections"]))
        self.close(1000)

    def until(self, holds: Any) -> dict[str, Any]:
        """Ask until what the emulator says of the stream holds; it is an error that it never does."""
        deadline = time.monotonic() + _WAITING_SECONDS
        while not holds(state := self.emulator.control("GET", f"streams/{self.stream}")):
            assert time.monotonic() < deadline, state
        return dict(state)

    def connected(self) -> None:
        """Wait for a connection."""
        self.until(lambda state: state["connections"])

    def handshakes(self) -> list[int]:
        """The statuses of all handshakes so far."""
        return [item["status"] for item in self.emulator.requests() if item["path"].startswith("/data-actions/v1/")]

    def tokens(self) -> int:
        """How many tokens were asked for, the test's own ones not counted."""
        return sum(1 for item in self.emulator.requests() if "token" in item["path"] and item["clientId"] == "sink")


def _bundle() -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.js"), "module.exports = async () => ({});")
    return base64.b64encode(buffer.getvalue()).decode()


def fill(emulator: RunningEmulator, name: str = "calls", status: str = "ACTIVE") -> Tenant:
    """Make an action and a stream."""
    shape = {"properties": {}}
    action = {"name": f"{name}-action", "runtime": "nodejs18", "code": _bundle(), "inputs": shape, "outputs": shape}
    with emulator.client() as api:
        made = api.post("/api/v2/data/actions", json=action).raise_for_status().json()
        stream = {"name": name, "actionId": made["id"], "eventTypes": ["call"], "status": status}
        answer = api.post("/api/v2/data-actions/streams", json=stream).raise_for_status().json()
    return Tenant(emulator, str(answer["id"]))


@contextmanager
def tenant(*, own_process: bool = False, **settings: Any) -> Iterator[Tenant]:
    """An emulator with a stream, in a thread or in a process of its own."""
    with (emulator_process if own_process else running_emulator)(**settings) as running:
        yield fill(running)
