"""Each kind's own rules, over a real port."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import (
    ACTIONS,
    CONNECTORS,
    DATASETS,
    EXTENSIONS,
    STREAMS,
    action,
    code,
    connector,
    created,
    dataset,
    extension,
    path_of,
    stream,
)
from tests.support.emulator import RunningEmulator

MASK = "********"


def patch(api: httpx.Client, collection: str, resource: dict[str, Any], change: dict[str, Any]) -> httpx.Response:
    return api.patch(path_of(collection, resource), json=change, headers={"If-Match": "*"})


def stored(emulator: RunningEmulator, kind: str) -> dict[str, Any]:
    """Give the whole document of the only resource of a kind, secrets included."""
    items = emulator.control("GET", "state?secrets=true")["resources"][kind]
    assert len(items) == 1
    result: dict[str, Any] = items[0]["stored"]
    return result


def refused(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [detail["field"] for detail in answer.json()["details"]]


class TestConnector:
    def test_defaults(self, api: httpx.Client) -> None:
        resource = created(api, CONNECTORS, connector(syncSettings={"batchSize": 5}))
        assert resource["lifecycleStatus"] == "DRAFT"
        assert resource["mappings"] == []
        assert resource["syncSettings"] == {"batchSize": 5, "retryAttempts": 3, "syncIntervalMinutes": 15}
        cleared = patch(api, CONNECTORS, resource, {"syncSettings": {"batchSize": None}}).json()
        assert cleared["syncSettings"]["batchSize"] == 500
        assert patch(api, CONNECTORS, resource, {"syncSettings": None}).json()["etag"] == cleared["etag"]

    @pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE", "ERROR", "GONE"])
    def test_it_begins_as_a_draft(self, api: httpx.Client, status: str) -> None:
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
    def test_moves(self, api: httpx.Client, emulator: RunningEmulator, before: str, after: str, allowed: bool) -> None:
        resource = created(api, CONNECTORS, connector())
        emulator.control("POST", "edit", {"kind": "Connector", "name": "sf", "patch": {"lifecycleStatus": before}})
        headers = {"If-Match": "1.0.0"}
        change = {"lifecycleStatus": after, "version": "1.0.0"}
        answer = api.patch(path_of(CONNECTORS, resource), json=change, headers=headers)
        if allowed:
            assert answer.json()["lifecycleStatus"] == after
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")

    def test_the_version_serves_as_etag(self, api: httpx.Client) -> None:
        path = path_of(CONNECTORS, created(api, CONNECTORS, connector()))
        for value in ("1.0.0", '"1.0.0"'):
            change = {"description": value}
            assert api.patch(path, json=change, headers={"If-Match": value}).json()["version"] == "1.0.0"
        assert api.patch(path, json={"version": "1.1.0"}, headers={"If-Match": "1.0.0"}).json()["version"] == "1.1.0"
        stale = api.delete(path, headers={"If-Match": "1.0.0"})
        assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
        assert api.delete(path, headers={"If-Match": "1.1.0"}).status_code == 204

    def test_secrets_are_written_and_never_read(self, api: httpx.Client, emulator: RunningEmulator) -> None:
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

    def test_the_mask_keeps_what_is_stored(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, CONNECTORS, connector())
        same = patch(api, CONNECTORS, resource, {"authentication": resource["authentication"]})
        assert same.json() == resource
        rotated = patch(api, CONNECTORS, resource, {"authentication": {"credentials": {"password": "canary-new"}}})
        assert rotated.json()["etag"] != resource["etag"]
        assert stored(emulator, "Connector")["authentication"]["credentials"]["password"] == "canary-new"
        unknown = {"authentication": {"credentials": {"token": MASK}}}
        assert refused(patch(api, CONNECTORS, resource, unknown)) == ["authentication.credentials.token"]
        assert refused(api.post(CONNECTORS, json=connector() | unknown | {"name": "b"})) != []

    def test_a_secret_goes_with_null(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, CONNECTORS, connector())
        patch(api, CONNECTORS, resource, {"authentication": {"credentials": {"password": None}}})
        assert stored(emulator, "Connector")["authentication"]["credentials"] == {"username": "svc"}

    @pytest.mark.parametrize("field", ["cxoneField", "crmField"])
    def test_a_field_is_mapped_once(self, api: httpx.Client, field: str) -> None:
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
    def test_values(self, api: httpx.Client, change: dict[str, Any], field: str) -> None:
        assert refused(api.post(CONNECTORS, json=connector(**change))) == [field]


class TestDataset:
    def test_columns_are_read_back_in_the_long_form(self, api: httpx.Client) -> None:
        resource = created(api, DATASETS, dataset())
        assert resource["columns"] == {
            "id": {"type": "string", "nullable": False},
            "age": {"type": "number", "nullable": True},
            "mail": {"type": "string", "nullable": True, "maxLength": 20},
        }
        change = {"columns": {"age": None, "mail": {"maxLength": None, "description": "e"}, "new": "date"}}
        assert patch(api, DATASETS, resource, change).json()["columns"] == {
            "id": {"type": "string", "nullable": False},
            "mail": {"type": "string", "nullable": True, "description": "e"},
            "new": {"type": "date", "nullable": True},
        }

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"primaryKey": "nope"}, "primaryKey"),
            ({"columns": {}}, "columns"),
            ({"columns": {"id": "text"}}, "columns.id"),
            ({"columns": {"id": {"type": "number", "maxLength": 4}}}, "columns.id.maxLength"),
            ({"columns": {"id": {"nullable": True}}}, "columns.id.type"),
            ({"columns": {"id": {"type": "string", "size": 1}}}, "columns.id.size"),
            ({"columns": {"id": 5}}, "columns.id"),
        ],
    )
    def test_values(self, api: httpx.Client, change: dict[str, Any], field: str) -> None:
        assert refused(api.post(DATASETS, json=dataset(**change))) == [field]

    def test_a_populated_one_is_locked(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, DATASETS, dataset())
        edit = {"kind": "Dataset", "name": "people", "patch": {"recordCount": 3}}
        counted = emulator.control("POST", "edit", edit)
        assert (counted["recordCount"], counted["etag"]) == (3, resource["etag"])
        assert counted["lastModifiedTime"] == resource["lastModifiedTime"]
        change: dict[str, Any] = {"primaryKey": "mail", "columns": {"age": "string", "mail": {"maxLength": 5}}}
        answer = patch(api, DATASETS, resource, change)
        assert (answer.status_code, answer.json()["code"]) == (409, "SCHEMA_LOCKED")
        fields = [detail["field"] for detail in answer.json()["details"]]
        assert fields == ["primaryKey", "columns.age", "columns.mail"]
        harmless = {"description": "d", "columns": {"mail": {"maxLength": 50}, "new": "date"}}
        assert patch(api, DATASETS, resource, harmless).json()["columns"]["new"]["nullable"] is True

    def test_a_populated_one_is_deleted_by_force_only(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        path = path_of(DATASETS, created(api, DATASETS, dataset()))
        emulator.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 1}})
        refusal = api.delete(path, headers={"If-Match": "*"})
        assert (refusal.status_code, refusal.json()["code"]) == (409, "IN_USE")
        assert api.delete(path + "?force=true", headers={"If-Match": "*"}).status_code == 204

    def test_records_are_listed(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, DATASETS, dataset())
        assert emulator.control("GET", f"datasets/{resource['id']}/records") == {"records": []}


class TestDataExtension:
    def test_defaults_and_schema(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, EXTENSIONS, extension())
        fields = [
            {"name": "id", "type": "string", "maxLength": 255, "nullable": False},
            {"name": "since", "type": "date", "nullable": True},
        ]
        assert (resource["fields"], resource["storageLimitMb"]) == (fields, 1024)
        assert api.get(path_of(EXTENSIONS, resource) + "/schema").json() == {"fields": fields}
        assert api.get(EXTENSIONS + "/nope/schema").status_code == 404
        assert emulator.control("GET", f"extensions/{resource['id']}/records") == {"records": []}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"storageLimitMb": 1025}, "storageLimitMb"),
            ({"storageLimitMb": 0}, "storageLimitMb"),
            ({"fields": []}, "fields"),
            ({"fields": [{"name": "a", "type": "string", "maxLength": 256}]}, "fields[0].maxLength"),
            ({"fields": [{"name": "a", "type": "date", "maxLength": 1}]}, "fields[0].maxLength"),
            ({"fields": [{"name": "a", "type": "date"}, {"name": "a", "type": "date"}]}, "fields[1].name"),
        ],
    )
    def test_values(self, api: httpx.Client, change: dict[str, Any], field: str) -> None:
        assert refused(api.post(EXTENSIONS, json=extension(**change))) == [field]

    def test_a_populated_one_is_locked(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        resource = created(api, EXTENSIONS, extension())
        numbers = {"recordCount": 1, "storageUsedMb": 4}
        edit = {"kind": "DataExtension", "name": "profile", "patch": numbers}
        assert emulator.control("POST", "edit", edit).items() >= numbers.items()
        dropped = patch(api, EXTENSIONS, resource, {"fields": resource["fields"][:1]})
        assert (dropped.status_code, dropped.json()["code"]) == (409, "SCHEMA_LOCKED")
        assert [detail["field"] for detail in dropped.json()["details"]] == ["fields.since"]
        wider = [*reversed(resource["fields"]), {"name": "new", "type": "boolean"}]
        assert patch(api, EXTENSIONS, resource, {"fields": wider}).status_code == 200


class TestDataAction:
    def test_code_is_kept_but_not_read(self, api: httpx.Client) -> None:
        text = code("one")
        resource = created(api, ACTIONS, action(code=text))
        data = base64.b64decode(text)
        assert (resource["codeSha256"], resource["codeSize"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert "code" not in resource
        assert patch(api, ACTIONS, resource, {"code": text}).json()["etag"] == resource["etag"]
        changed = patch(api, ACTIONS, resource, {"code": code("two")}).json()
        assert changed["codeSha256"] != resource["codeSha256"]
        assert changed["etag"] != resource["etag"]
        assert patch(api, ACTIONS, resource, {"description": "d"}).json()["codeSha256"] == changed["codeSha256"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": "Upper"}, "name"),
            ({"name": "under_score"}, "name"),
            ({"runtime": "nodejs16"}, "runtime"),
            ({"code": "!!!"}, "code"),
            ({"code": base64.b64encode(b"no zip").decode()}, "code"),
            ({"code": code(name="main.js")}, "code"),
            ({"code": {"sha256": "a", "size": 1}}, "code"),
            ({"timeoutSeconds": 31}, "timeoutSeconds"),
            ({"inputs": {}}, "inputs.properties"),
            ({"inputs": {"properties": {"a": {"type": "text"}}}}, "inputs.properties.a.type"),
            ({"inputs": {"properties": {}, "type": "array"}}, "inputs.type"),
            ({"outputs": {"properties": {}, "required": "a"}}, "outputs.required"),
            ({"outputs": {"properties": {}, "$schema": "https://x.example"}}, "outputs.$schema"),
            ({"environment": {"1A": "x"}}, "environment.1A"),
            ({"environment": {"A": 1}}, "environment.A"),
            ({"environment": {"A": {"secret": True}}}, "environment.A.value"),
        ],
    )
    def test_values(self, api: httpx.Client, change: dict[str, Any], field: str) -> None:
        assert refused(api.post(ACTIONS, json=action(**change))) == [field]

    def test_environment(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        environment = {"A": "plain", "B": {"value": "also plain", "secret": False}, "C": {"value": "plain too"}}
        resource = created(api, ACTIONS, action(environment=environment | {"S": {"value": "canary", "secret": True}}))
        shown = {"A": "plain", "B": "also plain", "C": "plain too", "S": {"value": MASK, "secret": True}}
        assert resource["environment"] == shown
        assert patch(api, ACTIONS, resource, {"environment": shown}).json() == resource
        assert stored(emulator, "DataAction")["environment"]["S"] == {"value": "canary", "secret": True}
        rotated = patch(api, ACTIONS, resource, {"environment": {"S": {"value": "canary-2"}}}).json()
        assert rotated["etag"] != resource["etag"]
        assert rotated["environment"] == shown
        assert stored(emulator, "DataAction")["environment"]["S"] == {"value": "canary-2", "secret": True}

    @pytest.mark.parametrize("trick", [{"secret": False}, {"secret": None}, MASK, {"value": MASK, "secret": False}])
    def test_no_patch_reveals_a_secret(self, api: httpx.Client, trick: object) -> None:
        resource = created(api, ACTIONS, action())
        answer = patch(api, ACTIONS, resource, {"environment": {"KEY": trick}})
        assert "canary" not in answer.text
        assert "canary" not in api.get(ACTIONS).text

    def test_the_mask_needs_something_stored(self, api: httpx.Client) -> None:
        resource = created(api, ACTIONS, action())
        for value in (MASK, {"value": MASK, "secret": True}):
            for name in ("URL", "NEW"):
                answer = patch(api, ACTIONS, resource, {"environment": {name: value}})
                assert refused(answer) == [f"environment.{name}"]

    def test_one_that_a_stream_uses_stays(self, api: httpx.Client, emulator: RunningEmulator) -> None:
        used = created(api, STREAMS, stream(api))
        path = f"{ACTIONS}/{used['actionId']}"
        answer = api.delete(path, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["code"]) == (409, "IN_USE")
        assert used["id"] in answer.text
        other = created(api, ACTIONS, action(name="other"))
        patch(api, STREAMS, used, {"actionId": other["id"]})
        assert api.delete(path, headers={"If-Match": "*"}).status_code == 204
        emulator.control("POST", "delete", {"kind": "EventStream", "name": "calls"})
        assert api.delete(path_of(ACTIONS, other), headers={"If-Match": "*"}).status_code == 204


class TestEventStream:
    def test_defaults(self, api: httpx.Client) -> None:
        body = stream(api)
        del body["eventTypes"]
        resource = created(api, STREAMS, body)
        assert (resource["eventTypes"], resource["status"]) == ([], "ACTIVE")

    def test_its_action_must_exist(self, api: httpx.Client) -> None:
        missing = api.post(STREAMS, json=stream(api, actionId="a123"))
        assert (missing.status_code, missing.json()["details"][0]["field"]) == (422, "actionId")
        resource = created(api, STREAMS, stream(api))
        assert patch(api, STREAMS, resource, {"actionId": "a123"}).status_code == 422

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"eventTypes": ["sms"]}, "eventTypes[0]"),
            ({"eventTypes": ["call", "call"]}, "eventTypes"),
            ({"status": "STOPPED"}, "status"),
            ({"actionId": 5}, "actionId"),
        ],
    )
    def test_values(self, api: httpx.Client, change: dict[str, Any], field: str) -> None:
        assert refused(api.post(STREAMS, json=stream(api, **change))) == [field]
