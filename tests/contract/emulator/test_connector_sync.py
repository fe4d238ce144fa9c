"""A connector's syncs, over a real port. The emulated clock is what moves them."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, connector, created, patch, path_of, refused
from tests.support.emulator import RunningEmulator, running_emulator


@pytest.fixture
def active(api: httpx.Client) -> str:
    """Give the path of an ACTIVE connector."""
    resource = created(api, CONNECTORS, connector())
    assert patch(api, CONNECTORS, resource, {"lifecycleStatus": "ACTIVE"}).status_code == 200
    return path_of(CONNECTORS, resource)


def started(api: httpx.Client, path: str, sync_type: str = "FULL") -> str:
    answer = api.post(path + "/sync", json={"syncType": sync_type})
    assert answer.status_code == 202, answer.text
    assert list(answer.json()) == ["syncId"]
    assert answer.headers["location"] == f"{path}/sync/{answer.json()['syncId']}"
    return str(answer.headers["location"])


def status(api: httpx.Client, location: str) -> dict[str, Any]:
    answer = api.get(location)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert list(body) == ["syncId", "status", "recordsProcessed", "errorDetails"]
    return body


def later(emulator: RunningEmulator, seconds: int = 5) -> None:
    emulator.control("POST", "clock", {"advanceSeconds": seconds})


@pytest.mark.parametrize(("sync_type", "records"), [("FULL", 5000), ("INCREMENTAL", 500)])
def test_a_sync_completes(
    api: httpx.Client, emulator: RunningEmulator, active: str, sync_type: str, records: int
) -> None:
    location = started(api, active, sync_type)
    early = status(api, location)
    assert early["status"] in ("PENDING", "RUNNING", "COMPLETED")
    later(emulator)
    expected = {"status": "COMPLETED", "recordsProcessed": records, "errorDetails": None}
    assert status(api, location) == {"syncId": early["syncId"]} | expected


def test_each_has_its_own(api: httpx.Client, emulator: RunningEmulator, active: str) -> None:
    first = started(api, active)
    later(emulator)
    second = started(api, active)
    assert first != second
    assert status(api, first)["status"] == "COMPLETED"


@pytest.mark.parametrize("lifecycle", ["DRAFT", "INACTIVE"])
def test_only_an_active_one_is_synced(api: httpx.Client, lifecycle: str) -> None:
    resource = created(api, CONNECTORS, connector())
    if lifecycle != "DRAFT":
        assert patch(api, CONNECTORS, resource, {"lifecycleStatus": lifecycle}).status_code == 200
    answer = api.post(path_of(CONNECTORS, resource) + "/sync", json={"syncType": "FULL"})
    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
    assert lifecycle in answer.json()["message"]


def test_a_fault_makes_one_fail(api: httpx.Client, emulator: RunningEmulator, active: str) -> None:
    rule = {"match": {"path": "*/sync"}, "times": 1, "effect": {"failSync": "the CRM refused the credentials"}}
    emulator.control("POST", "faults", {"rules": [rule]})
    failing, right = started(api, active), started(api, active)
    later(emulator)
    failed = status(api, failing)
    assert (failed["status"], failed["errorDetails"]) == ("FAILED", "the CRM refused the credentials")
    assert 0 < failed["recordsProcessed"] < 5000
    assert status(api, right)["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("body", "fields"),
    [({}, ["syncType"]), ({"syncType": "full"}, ["syncType"]), ({"syncType": "FULL", "since": 1}, ["since"])],
)
def test_the_body(api: httpx.Client, active: str, body: dict[str, Any], fields: list[str]) -> None:
    assert refused(api.post(active + "/sync", json=body)) == fields


def test_a_key_makes_repeating_safe(api: httpx.Client, emulator: RunningEmulator, active: str) -> None:
    answers = [
        api.post(active + "/sync", json={"syncType": "FULL"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert len(emulator.control("GET", "state")["syncs"]) == 1


def test_syncs_go_with_their_connector(api: httpx.Client, emulator: RunningEmulator, active: str) -> None:
    location = started(api, active)
    other = created(api, CONNECTORS, connector(name="other"))
    assert api.get(location.replace(active, path_of(CONNECTORS, other))).status_code == 404
    assert api.get(active + "/sync/nope").status_code == 404
    assert api.delete(active, headers={"If-Match": "*"}).status_code == 204
    assert api.get(location).status_code == 404
    assert emulator.control("GET", "state")["syncs"] == []


def test_who_may(emulator: RunningEmulator, api: httpx.Client, active: str) -> None:
    location = started(api, active)
    with emulator.client("crm:connectors:read") as reader, emulator.client("crm:connectors:write") as writer:
        assert reader.post(active + "/sync", json={"syncType": "FULL"}).status_code == 403
        assert reader.get(location).status_code == 200
        assert writer.get(location).status_code == 403


def test_a_restart_changes_nothing(tmp_path: Any) -> None:
    with running_emulator(state=tmp_path / "s.db") as emulator, emulator.client() as api:
        resource = created(api, CONNECTORS, connector())
        patch(api, CONNECTORS, resource, {"lifecycleStatus": "ACTIVE"})
        location = started(api, path_of(CONNECTORS, resource))
        later(emulator)
        before = status(api, location)
    with running_emulator(state=tmp_path / "s.db") as emulator, emulator.client() as api:
        assert status(api, location) == before
