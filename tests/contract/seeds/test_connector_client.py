"""The client that creates a connector, activates it and has it synced (contract: Resources, Connector; Operations).

It is written anew by what the contract's source does: a JSON token request to ``/api/v2/oauth/token``, the token kept
for all of its life; a connector made as DRAFT with times of the client's own; activation with the bare version in
``If-Match``; a sync, and its status asked for up to twelve times with growing, jittered waits; retries on 429 and 5xx
whatever ``Retry-After`` says. Its own defects are mended: the token request does not wait for a token, and a creation
that fails keeps its status, so that it is retried like the others. Waits are noted, and pass on the emulated clock.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS
from tests.support.emulator import RunningEmulator

_TRANSIENT = (429, 500, 502, 503)
_POLLS = 12


class ServiceError(Exception):
    """An answer that ends the flow, with its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def config(**more: Any) -> dict[str, Any]:
    return {
        "name": "Production-Salesforce-Sync",
        "description": "Contacts both ways",
        "lifecycleStatus": "DRAFT",
        "connectorType": "SALESFORCE",
        "endpointUrl": "https://crm.example.com/services/data/v54.0",
        "authentication": {
            "type": "OAUTH2",
            "credentials": {
                "tokenEndpoint": "https://login.example.com/oauth2/token",
                "clientId": "sf-client",
                "clientSecret": "canary-sf",
            },
        },
        "mappings": [
            {"cxoneField": "contact.id", "crmField": "Id", "direction": "BIDIRECTIONAL", "transformation": "lowercase"},
            {"cxoneField": "contact.email", "crmField": "Email", "direction": "BIDIRECTIONAL"},
            {"cxoneField": "interaction.created_time", "crmField": "CreatedDate", "direction": "OUTBOUND"},
        ],
        "version": "1.0.0",
    } | more


def check(connector: dict[str, Any]) -> list[str]:
    """Hold a configuration against the rules that need no network; gives warnings, raises for errors."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", connector["version"]):
        raise ValueError("Schema violation: version")
    for side in ("cxoneField", "crmField"):
        names = [mapping[side] for mapping in connector["mappings"]]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"Duplicate {side}: {twice.pop()}")
    return [
        f"{mapping['cxoneField']} lacks a transformation"
        for mapping in connector["mappings"]
        if mapping["direction"] == "BIDIRECTIONAL" and not mapping.get("transformation")
    ]


class ConnectorClient:
    """The client. ``waits`` are the seconds it has waited by the emulated clock, ``audit`` what it has written."""

    def __init__(self, base_url: str, wait: Callable[[float], None]) -> None:
        self._http = httpx.Client(
            base_url=base_url + "/api/v2",
            timeout=10,
            trust_env=False,
            verify=False,
            headers={"Content-Type": "application/json"},
        )
        self._wait = wait
        self._token = ""
        self._token_ends = 0.0
        self.waits: list[float] = []
        self.audit: list[tuple[str, bool]] = []

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if not self._token or time.time() >= self._token_ends:
            self._token_ends = time.time() + self._ask_token()
        authorised = {"Authorization": f"Bearer {self._token}"} | headers
        answer = self._http.request(method, path, headers=authorised, **({} if body is None else {"json": body}))
        if answer.is_error:
            raise ServiceError(f"CXone API error {answer.status_code}: {answer.text}", answer.status_code)
        return answer

    def _ask_token(self) -> float:
        body = {
            "grant_type": "client_credentials",
            "client_id": "local",
            "client_secret": "local-secret",
            "scope": "crm:connectors:read crm:connectors:write",
        }
        answer = self._http.post("/oauth/token", json=body).raise_for_status().json()
        self._token = answer["access_token"]
        return float(answer["expires_in"])

    def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._wait(seconds)

    def retried(self, action: str, operation: Callable[[], Any]) -> Any:
        """Do something, again up to three times where the failure may pass."""
        for attempt in range(4):
            try:
                result = operation()
            except ServiceError as error:
                self.audit.append((action, False))
                if error.status not in _TRANSIENT:
                    raise
                if attempt == 3:
                    raise ServiceError(f"Retry exhausted after 3 attempts. {error}", error.status) from error
                self._pause(2**attempt + random.random() / 2)
            else:
                self.audit.append((action, True))
                return result
        raise AssertionError

    def create(self, connector: dict[str, Any]) -> dict[str, Any]:
        check(connector)
        moment = "2024-01-15T09:30:00.000Z"
        own = {
            "createdTime": moment,
            "lastModifiedTime": moment,
            "syncSettings": {"batchSize": 500, "retryAttempts": 3, "syncIntervalMinutes": 15},
        }
        created: dict[str, Any] = self._call("POST", "/crm/connectors", connector | own).json()
        return created

    def activate(self, id_: str, version: str) -> dict[str, Any]:
        body = {"lifecycleStatus": "ACTIVE", "version": version}
        try:
            answer = self._call("PATCH", f"/crm/connectors/{id_}", body, **{"If-Match": version})
        except ServiceError as error:
            if error.status == 409:
                text = "Version conflict. Connector was modified by another process."
                raise ServiceError(text, 409) from error
            raise
        activated: dict[str, Any] = answer.json()
        return activated

    def trigger(self, id_: str) -> str:
        answer = self._call("POST", f"/crm/connectors/{id_}/sync", {"syncType": "FULL"})
        assert answer.status_code == 202
        return str(answer.json()["syncId"])

    def poll(self, id_: str, sync_id: str) -> dict[str, Any]:
        """Ask for the status until the sync has ended; a poll that fails ends the flow."""
        for attempt in range(_POLLS):
            status: dict[str, Any] = self._call("GET", f"/crm/connectors/{id_}/sync/{sync_id}").json()
            if status["status"] in ("COMPLETED", "FAILED"):
                return status
            self._pause(min(2 * 2**attempt + random.random(), 30))
        raise TimeoutError(f"Sync polling exceeded maximum attempts ({_POLLS}).")

    def run(self, connector: dict[str, Any]) -> dict[str, Any]:
        """The whole workflow; gives the sync's last status."""
        created = self.retried("CREATE", lambda: self.create(connector))
        self.retried("ACTIVATE", lambda: self.activate(created["id"], created["version"]))
        sync_id = self.retried("SYNC", lambda: self.trigger(created["id"]))
        return self.poll(created["id"], sync_id)


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[ConnectorClient]:
    def wait(seconds: float) -> None:
        emulator.control("POST", "clock", {"advanceSeconds": int(seconds) + 1})

    client = ConnectorClient(emulator.url, wait)
    yield client
    client.close()


def fault(emulator: RunningEmulator, method: str, path: str, times: int, **effect: Any) -> None:
    emulator.control(
        "POST", "faults", {"rules": [{"match": {"method": method, "path": path}, "times": times, "effect": effect}]}
    )


def test_the_whole_story(client: ConnectorClient, emulator: RunningEmulator, api: httpx.Client) -> None:
    assert check(config()) == ["contact.email lacks a transformation"]
    status = client.run(config())
    assert (status["status"], status["recordsProcessed"], status["errorDetails"]) == ("COMPLETED", 5000, None)
    (live,) = api.get(CONNECTORS).json()["items"]
    assert (live["lifecycleStatus"], live["version"]) == ("ACTIVE", "1.0.0")
    assert live["createdTime"] != "2024-01-15T09:30:00.000Z"
    assert len(client.waits) <= 2
    assert client.audit == [("CREATE", True), ("ACTIVATE", True), ("SYNC", True)]


def test_what_the_answers_hold(client: ConnectorClient) -> None:
    created = client.create(config())
    assert {"id", "name", "lifecycleStatus", "version", "etag", "lastModifiedTime"} <= set(created)
    assert "canary-sf" not in str(created)
    activated = client.activate(created["id"], created["version"])
    assert activated["lifecycleStatus"] == "ACTIVE"
    assert activated["version"] == created["version"]


def test_a_sync_that_fails_is_told_not_thrown(client: ConnectorClient, emulator: RunningEmulator) -> None:
    fault(emulator, "POST", "*/sync", 1, failSync="the CRM is read-only")
    status = client.run(config())
    assert (status["status"], status["errorDetails"]) == ("FAILED", "the CRM is read-only")


def test_somebody_else_was_faster(client: ConnectorClient, emulator: RunningEmulator) -> None:
    created = client.create(config())
    edit = {"kind": "Connector", "name": created["name"], "patch": {"version": "1.0.1"}, "by": "someone@console"}
    emulator.control("POST", "edit", edit)
    with pytest.raises(ServiceError, match="Version conflict"):
        client.activate(created["id"], created["version"])


def test_what_may_pass_is_done_again(client: ConnectorClient, emulator: RunningEmulator) -> None:
    fault(emulator, "POST", CONNECTORS, 1, status=503)
    fault(emulator, "PATCH", "*", 2, status=429, headers={"Retry-After": "600"})
    fault(emulator, "POST", "*/sync", 3, status=500)
    assert client.run(config())["status"] == "COMPLETED"
    assert [action for action, success in client.audit if not success] == ["CREATE", *["ACTIVATE"] * 2, *["SYNC"] * 3]
    retries = client.waits[:6]
    lows = (1, 1, 2, 1, 2, 4)
    assert all(low <= wait <= low + 0.5 for wait, low in zip(retries, lows, strict=True))


def test_what_does_not_pass_is_given_up(client: ConnectorClient, emulator: RunningEmulator) -> None:
    fault(emulator, "PATCH", "*", 4, status=503)
    with pytest.raises(ServiceError, match="Retry exhausted after 3 attempts"):
        client.run(config())
    assert len(emulator.control("GET", "state")["syncs"]) == 0


def test_a_poll_that_fails_ends_the_flow(client: ConnectorClient, emulator: RunningEmulator) -> None:
    fault(emulator, "GET", "*/sync/*", 1, status=429)
    with pytest.raises(ServiceError) as error:
        client.run(config())
    assert error.value.status == 429


def test_a_trigger_that_is_repeated_may_start_a_second_sync(client: ConnectorClient, emulator: RunningEmulator) -> None:
    created = client.create(config())
    client.activate(created["id"], created["version"])
    fault(emulator, "POST", "*/sync", 1, drop="after")
    with pytest.raises(httpx.RemoteProtocolError):
        client.trigger(created["id"])
    assert client.poll(created["id"], client.trigger(created["id"]))["status"] == "COMPLETED"
    assert len(emulator.control("GET", "state")["syncs"]) == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [({"lifecycleStatus": "ACTIVE"}, 400), ({"endpointUrl": "nowhere"}, 400), ({"connectorType": "OTHER"}, 400)],
)
def test_a_wrong_connector_is_refused(client: ConnectorClient, change: dict[str, Any], status: int) -> None:
    with pytest.raises(ServiceError, match="CXone API error 400") as error:
        client.run(config(**change))
    assert error.value.status == status
    assert client.waits == []


def test_a_draft_is_not_synced(client: ConnectorClient) -> None:
    created = client.create(config())
    with pytest.raises(ServiceError) as error:
        client.retried("SYNC", lambda: client.trigger(created["id"]))
    assert error.value.status == 409
