"""What latency is counted from: the moment at which all of a request had come, whatever is done for it meanwhile."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.types import Message

from reconciler.emulator.app import create_app
from reconciler.emulator.connection import ARRIVED
from reconciler.emulator.event_loop import precise_loop
from reconciler.emulator.server import Server
from reconciler.emulator.settings import Settings


@pytest.mark.parametrize(
    ("extensions", "due"), [({ARRIVED: lambda: 50.0}, 50.3), ({}, 100.3)], ids=["port", "in-process"]
)
def test_it_is_counted_from_the_request(
    monkeypatch: pytest.MonkeyPatch, extensions: dict[str, Any], due: float
) -> None:
    waited: list[float] = []
    clock = iter([100.0, 900.0, 900.0])

    async def until(moment: float) -> None:
        waited.append(moment)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        """Nobody listens."""

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/nowhere",
        "query_string": b"",
        "headers": [],
        "extensions": extensions,
    }
    monkeypatch.setattr("reconciler.emulator.gate.anyio.current_time", lambda: next(clock))
    monkeypatch.setattr("reconciler.emulator.gate.anyio.sleep_until", until)
    anyio.run(create_app(Settings(latency_seconds=0.3)), scope, receive, send)
    assert waited == [pytest.approx(due)]


def test_only_a_server_with_latency_needs_a_precise_loop() -> None:
    loops = []
    for seconds in (0.0, 0.1):
        server = Server(create_app(Settings(latency_seconds=seconds)))
        loops.append(server.config.get_loop_factory())
        server.socket.close()
    assert (loops[0] is precise_loop, loops[1] is precise_loop) == (False, True)
