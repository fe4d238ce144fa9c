"""The handshake of the stream's WebSocket: what it is refused for, and what it takes (contract: Operations)."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from tests.contract.emulator.bodies import STREAMS, created, stream
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.stream import TIMEOUT_SECONDS, address, listening


def refusal(emulator: RunningEmulator, id_: str, token: str | None) -> tuple[int, str]:
    """Give the status and the code of a handshake that is refused."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    headers["X-Request-Id"] = "mine"
    with pytest.raises(InvalidStatus) as refused, connect(address(emulator, id_), additional_headers=headers):
        pass
    answer = refused.value.response
    body = json.loads(answer.body)
    assert answer.headers["X-Request-Id"] == body["requestId"] == "mine"
    assert emulator.requests()[-1]["status"] == answer.status_code
    return answer.status_code, body["code"]


def test_no_handshake_without_a_good_token(emulator: RunningEmulator, calls: str) -> None:
    assert refusal(emulator, calls, None) == (401, "UNAUTHORIZED")
    assert refusal(emulator, calls, "made-up") == (401, "UNAUTHORIZED")
    token = emulator.token()
    emulator.control("POST", "clock", {"advanceSeconds": 3600})
    assert refusal(emulator, calls, token) == (401, "UNAUTHORIZED")


def test_no_handshake_without_the_scope(emulator: RunningEmulator, calls: str) -> None:
    assert refusal(emulator, calls, emulator.token("data:read")) == (403, "FORBIDDEN")


def test_no_handshake_with_what_is_not_there(emulator: RunningEmulator) -> None:
    assert refusal(emulator, "s999", emulator.token()) == (404, "NOT_FOUND")
    assert refusal(emulator, "s1/further", emulator.token()) == (404, "NOT_FOUND")


def test_no_handshake_with_a_paused_stream(api: httpx.Client, emulator: RunningEmulator) -> None:
    paused = created(api, STREAMS, stream(api, status="PAUSED"))
    assert refusal(emulator, paused["id"], emulator.token()) == (409, "INVALID_TRANSITION")


def test_a_refusal_is_nothing_to_report_for_the_server(emulator: RunningEmulator, calls: str) -> None:
    """Embedded, it shares a terminal with the job, and each expired token is refused once."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("uvicorn.error")
    log.addHandler(handler)
    try:
        for id_ in (calls, "s999"):
            refusal(emulator, id_, "made-up")
        emulator.control("GET", "state")
    finally:
        log.removeHandler(handler)
    assert said == []


def test_a_plain_request_is_told_to_upgrade(api: httpx.Client, calls: str) -> None:
    answer = api.get(f"/data-actions/v1/stream/{calls}")
    assert (answer.status_code, answer.json()["code"]) == (426, "UPGRADE_REQUIRED")
    assert answer.headers["upgrade"] == "websocket"


WITHOUT_WEBSOCKETS = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "websockets" else found(name, *more)
from reconciler.emulator import Settings, serve
serve(Settings())
"""


def test_without_the_library_it_serves_all_but_streams() -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_WEBSOCKETS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with httpx.Client(base_url=url, trust_env=False, verify=False) as http:
            assert http.get("/_emulator/health").status_code == 200
            plain = http.get("/data-actions/v1/stream/s1")
            headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            upgrade = http.get("/data-actions/v1/stream/s1", headers=headers)
        process.terminate()
        assert process.wait(TIMEOUT_SECONDS) == 0
    for answer in (plain, upgrade):
        assert (answer.status_code, answer.json()["code"]) == (501, "WEBSOCKETS_UNAVAILABLE")


def fault(emulator: RunningEmulator, effect: dict[str, Any]) -> None:
    rule = {"times": 1, "match": {"path": "/data-actions/*"}, "effect": effect}
    emulator.control("POST", "faults", {"rules": [rule]})


def test_faults_hit_the_handshake(emulator: RunningEmulator, calls: str) -> None:
    fault(emulator, {"status": 503, "headers": {"Retry-After": "3"}, "delaySeconds": 0.01})
    assert refusal(emulator, calls, emulator.token()) == (503, "INJECTED_FAULT")
    fault(emulator, {"malformed": True})
    with pytest.raises(InvalidStatus), listening(emulator, calls):
        pass
    for effect in ({"drop": "before"}, {"drop": "after"}, {"truncate": True}):
        fault(emulator, effect)
        with pytest.raises((InvalidMessage, OSError)), listening(emulator, calls):
            pass
    with listening(emulator, calls):
        assert len(emulator.control("GET", f"streams/{calls}")["connections"]) == 1


def test_the_rate_limit_counts_handshakes() -> None:
    with running_emulator(rate_limit=0.001) as emulator:
        token = emulator.token()
        assert refusal(emulator, "s1", token) == (429, "RATE_LIMITED")
