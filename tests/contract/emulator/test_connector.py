"""Connector's own rules, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, MASK, connector, created, patch, path_of, refused, stored
from tests.support.emulator import RunningEmulator


def test_defaults(api: httpx.Client) -> None:
    resource = created(api, CONNECTORS, connector(syncSettings={"batchSize": 5}))
    assert resource["lifecycleStatus"] == "DRAFT"
    assert resource["mappings"] == []
    assert resource["syncSettings"] == {"batchSize": 5, "retryAttempts": 3, "syncIntervalMinutes": 15}
    cleared = patch(api, CONNECTORS, resource, {"syncSettings": {"batchSize": None}}).json()
    assert cleared["syncSettings"]["batchSize"] == 500
    assert patch(api, CONNECTORS, resource, {"syncSettings": None}).json()["etag"] == cleared["etag"]


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE", "ERROR", "GONE"])
def test_it_begins_as_a_draft(api: httpx.Client, status: str) -> None:
    assert refused(api.post(CONNECTORS, json=connector(lifecycleStatus=status))) == ["lifecycleStatus"]


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("DRAFT", "ACTIVE", True),
        ("DRAFT", "INACTIVE", True),
        ("DRAFT", "ERROR", False),
        ("ACTIVE", "INACTIVE", True),
        ("ACTIVE", "DRAFT", False),
        ("ACTIVE", "ERROR", False),
        ("INACTIVE", "ACTIVE", True),
        ("INACTIVE", "DRAFT", False),
        ("ERROR", "ACTIVE", True),
        ("ERROR", "INACTIVE", True),
        ("ERROR", "DRAFT", False),
        ("ERROR", "ERROR", True),
    ],
)
def test_moves(api: httpx.Client, emulator: RunningEmulator, before: str, after: str, allowed: bool) -> None:
    resource = created(api, CONNECTORS, connector())
    emulator.control("POST", "edit", {"kind": "Connector", "name": "sf", "patch": {"lifecycleStatus": before}})
    headers = {"If-Match": "1.0.0"}
    change = {"lifecycleStatus": after, "version": "1.0.0"}
    answer = api.patch(path_of(CONNECTORS, resource), json=change, headers=headers)
    if allowed:
        assert answer.json()["lifecycleStatus"] == after
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")


def test_the_version_serves_as_etag(api: httpx.Client) -> None:
    path = path_of(CONNECTORS, created(api, CONNECTORS, connector()))
    for value in ("1.0.0", '"1.0.0"'):
        change = {"description": value}
        assert api.patch(path, json=change, headers={"If-Match": value}).json()["version"] == "1.0.0"
    assert api.patch(path, json={"version": "1.1.0"}, headers={"If-Match": "1.0.0"}).json()["version"] == "1.1.0"
    stale = api.delete(path, headers={"If-Match": "1.0.0"})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    assert api.delete(path, headers={"If-Match": "1.1.0"}).status_code == 204


def test_secrets_are_written_and_never_read(api: httpx.Client, emulator: RunningEmulator) -> None:
    credentials = {
        "username": "u",
        "tokenEndpoint": "https://t",
        "clientId": "c",
        "headerName": "h",
        "password": "canary-a",
        "anythingElse": "canary-b",
    }
    body = connector(authentication={"type": "OAUTH2", "credentials": credentials})
    answer = api.post(CONNECTORS, json=body)
    assert "canary" not in answer.text
    shown = answer.json()["authentication"]["credentials"]
    assert shown == credentials | {"password": MASK, "anythingElse": MASK}
    assert "canary" not in api.get(CONNECTORS).text
    assert stored(emulator, "Connector")["authentication"]["credentials"] == credentials


def test_the_mask_keeps_what_is_stored(api: httpx.Client, emulator: RunningEmulator) -> None:
    resource = created(api, CONNECTORS, connector())
    same = patch(api, CONNECTORS, resource, {"authentication": resource["authentication"]})
    assert same.json() == resource
    rotated = patch(api, CONNECTORS, resource, {"authentication": {"credentials": {"password": "canary-new"}}})
    assert rotated.json()["etag"] != resource["etag"]
    assert stored(emulator, "Connector")["authentication"]["credentials"]["password"] == "canary-new"
    unknown = {"authentication": {"credentials": {"token": MASK}}}
    assert refused(patch(api, CONNECTORS, resource, unknown)) == ["authentication.credentials.token"]
    assert refused(api.post(CONNECTORS, json=connector() | unknown | {"name": "b"})) != []


def test_a_secret_goes_with_null(api: httpx.Client, emulator: RunningEmulator) -> None:
    resource = created(api, CONNECTORS, connector())
    patch(api, CONNECTORS, resource, {"authentication": {"credentials": {"password": None}}})
    assert stored(emulator, "Connector")["authentication"]["credentials"] == {"username": "svc"}


@pytest.mark.parametrize("field", ["cxoneField", "crmField"])
def test_a_field_is_mapped_once(api: httpx.Client, field: str) -> None:
    first = {"cxoneField": "a", "crmField": "A", "direction": "INBOUND"}
    second = {"cxoneField": "b", "crmField": "B", "direction": "OUTBOUND", "transformation": "trim"}
    created(api, CONNECTORS, connector(mappings=[first, second]))
    twice = second | {field: first[field]}
    answer = api.post(CONNECTORS, json=connector(name="b", mappings=[first, twice]))
    assert refused(answer) == [f"mappings[1].{field}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": "1.0"}, "version"),
        ({"version": "v1.0.0"}, "version"),
        ({"endpointUrl": "ftp://x"}, "endpointUrl"),
        ({"endpointUrl": "https://"}, "endpointUrl"),
        ({"connectorType": "HUBSPOT"}, "connectorType"),
        ({"authentication": {"type": "NONE", "credentials": {}}}, "authentication.type"),
        ({"authentication": {"type": "BASIC", "credentials": {"a": 1}}}, "authentication.credentials.a"),
        ({"authentication": {"type": "BASIC"}}, "authentication.credentials"),
        ({"mappings": [{"cxoneField": "a", "crmField": "b"}]}, "mappings[0].direction"),
        ({"syncSettings": {"batchSize": 0}}, "syncSettings.batchSize"),
        ({"syncSettings": {"size": 1}}, "syncSettings.size"),
    ],
)
def test_values(api: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert refused(api.post(CONNECTORS, json=connector(**change))) == [field]
