"""Faults over a real port and in-process, latency and the rate limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest

from reconciler.emulator import Settings, create_app
from tests.contract.emulator.bodies import CONNECTORS, DATASETS, created, dataset, match, path_of
from tests.support.emulator import RunningEmulator, running_emulator


def fault(emulator: RunningEmulator, effect: dict[str, Any], **more: Any) -> None:
    emulator.control("POST", "faults", {"rules": [{"times": 1, "effect": effect} | more]})


def test_a_status_with_headers(api: httpx.Client, emulator: RunningEmulator) -> None:
    fault(emulator, {"status": 503, "headers": {"Retry-After": "7"}}, match={"method": "POST", "path": "*/datasets"})
    assert api.get(DATASETS).status_code == 200
    answer = api.post(DATASETS, json=dataset())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["code"] == "INJECTED_FAULT"
    assert api.get(DATASETS).json()["total"] == 0
    assert api.post(DATASETS, json=dataset()).status_code == 201


def test_a_drop_before_does_nothing(api: httpx.Client, emulator: RunningEmulator) -> None:
    fault(emulator, {"drop": "before"})
    with pytest.raises(httpx.TransportError):
        api.post(DATASETS, json=dataset())
    assert api.get(DATASETS).json()["total"] == 0


def test_a_drop_after_has_written(api: httpx.Client, emulator: RunningEmulator) -> None:
    fault(emulator, {"drop": "after"})
    with pytest.raises(httpx.TransportError):
        api.post(DATASETS, json=dataset())
    assert api.get(DATASETS).json()["total"] == 1
    dropped = emulator.requests()[-2]
    assert (dropped["method"], dropped["status"], dropped["clientId"]) == ("POST", None, "local")


def test_a_truncated_answer(api: httpx.Client, emulator: RunningEmulator) -> None:
    resource = created(api, DATASETS, dataset())
    fault(emulator, {"truncate": True})
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(path_of(DATASETS, resource))
    fault(emulator, {"truncate": True})
    with pytest.raises(httpx.RemoteProtocolError):
        api.delete(path_of(DATASETS, resource), headers=match(resource))
    assert api.get(DATASETS).json()["total"] == 0


def test_a_malformed_answer(api: httpx.Client, emulator: RunningEmulator) -> None:
    fault(emulator, {"malformed": True})
    answer = api.get(DATASETS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError):
        answer.json()


def test_a_delay(api: httpx.Client, emulator: RunningEmulator) -> None:
    fault(emulator, {"delaySeconds": 0.2})
    before = time.monotonic()
    assert api.get(DATASETS).status_code == 200
    assert time.monotonic() - before >= 0.2


def test_tokens_can_fail_and_controls_can_not(emulator: RunningEmulator) -> None:
    fault(emulator, {"status": 429, "headers": {"Retry-After": "1"}}, times=100)
    with pytest.raises(httpx.HTTPStatusError):
        emulator.token()
    assert emulator.control("GET", "faults")["rules"][0] == {
        "times": 100,
        "effect": {"status": 429, "headers": {"Retry-After": "1"}},
        "remaining": 99,
        "hits": 1,
    }
    emulator.control("DELETE", "faults")
    assert emulator.control("GET", "faults") == {"rules": []}
    assert emulator.token()


def test_wrong_rules_are_refused(emulator: RunningEmulator) -> None:
    with pytest.raises(AssertionError, match="400"):
        emulator.control("POST", "faults", {"rules": [{"effect": {"status": 200}}]})


async def _in_process(effect: dict[str, Any], call: Callable[[httpx.AsyncClient], Any]) -> httpx.AsyncClient:
    app = create_app(Settings())
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://emulator")
    form = {"grant_type": "client_credentials", "client_id": "local", "client_secret": "local-secret"}
    token = (await client.post("/oauth/token", data=form)).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    await client.post("/_emulator/faults", json={"rules": [{"times": 1, "effect": effect}]})
    with pytest.raises(httpx.TransportError):
        await call(client)
    return client


@pytest.mark.parametrize(
    ("effect", "written"), [({"drop": "before"}, 0), ({"drop": "after"}, 1), ({"truncate": True}, 1)]
)
def test_in_process_a_broken_connection_is_a_transport_error(effect: dict[str, Any], written: int) -> None:
    async def run() -> None:
        client = await _in_process(effect, lambda client: client.post(DATASETS, json=dataset()))
        assert (await client.get(DATASETS)).json()["total"] == written
        await client.aclose()

    asyncio.run(run())


def test_latency_holds_for_the_api_only() -> None:
    with running_emulator(latency_seconds=0.15) as emulator, emulator.client() as api:
        before = time.monotonic()
        assert api.get(DATASETS).status_code == 200
        assert time.monotonic() - before >= 0.15


def test_the_rate_limit_names_whole_seconds() -> None:
    with running_emulator(rate_limit=0.01) as emulator:
        assert emulator.token()
        with httpx.Client(base_url=emulator.url, trust_env=False, verify=False) as http:
            for path in (CONNECTORS, "/openapi.json"):
                answer = http.get(path)
                assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
                assert 1 <= int(answer.headers["retry-after"]) <= 100
            assert http.post("/oauth/token").status_code == 429
        assert emulator.control("GET", "health") == {"status": "ok"}
        assert [entry["status"] for entry in emulator.requests()] == [200, 429, 429, 429]
