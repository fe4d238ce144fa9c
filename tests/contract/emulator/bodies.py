"""Bodies that create one resource of each kind, and how the tests change them."""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from tests.support.emulator import RunningEmulator

CONNECTORS = "/api/v2/crm/connectors"
DATASETS = "/api/v2/data-actions/datasets"
EXTENSIONS = "/api/v2/data/extensions"
ACTIONS = "/api/v2/data/actions"
STREAMS = "/api/v2/data-actions/streams"

MASK = "********"
"""What write-only values are read back as."""


def code(source: str = "module.exports = async () => ({});", name: str = "index.js") -> str:
    """Give a code archive in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), source)
    return base64.b64encode(buffer.getvalue()).decode()


def connector(**more: Any) -> dict[str, Any]:
    return {
        "name": "sf",
        "connectorType": "SALESFORCE",
        "endpointUrl": "https://sf.example.com/api",
        "authentication": {"type": "BASIC", "credentials": {"username": "svc", "password": "canary-1"}},
        "version": "1.0.0",
    } | more


def dataset(**more: Any) -> dict[str, Any]:
    columns = {"id": "string", "age": {"type": "number"}, "mail": {"type": "string", "maxLength": 20}}
    return {"name": "people", "primaryKey": "id", "columns": columns} | more


def extension(**more: Any) -> dict[str, Any]:
    fields = [{"name": "id", "type": "string", "nullable": False}, {"name": "since", "type": "date"}]
    return {"name": "profile", "fields": fields} | more


def action(**more: Any) -> dict[str, Any]:
    return {
        "name": "enrich",
        "runtime": "nodejs18",
        "code": code(),
        "inputs": {"properties": {"id": {"type": "string"}}, "required": ["id"]},
        "outputs": {"properties": {"tier": {"type": "string"}}},
        "environment": {"URL": "https://crm.example.com", "KEY": {"value": "canary-2", "secret": True}},
    } | more


def created(api: httpx.Client, collection: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a resource and give its body."""
    answer = api.post(collection, json=body)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def stream(api: httpx.Client, **more: Any) -> dict[str, Any]:
    """Give the body of a stream; its action is made where it is not there yet."""
    found = api.get(ACTIONS, params={"name": "enrich"}).json()["items"] or [created(api, ACTIONS, action())]
    return {"name": "calls", "actionId": found[0]["id"], "eventTypes": ["call"]} | more


@dataclass(frozen=True)
class Sample:
    """A kind for tests that hold for all: its collection and a change that alters one field."""

    collection: str
    kind: str
    change: dict[str, Any]

    def body(self, api: httpx.Client, **more: Any) -> dict[str, Any]:
        """Give a body that creates one."""
        if self.collection == STREAMS:
            return stream(api, **more)
        make = {CONNECTORS: connector, DATASETS: dataset, EXTENSIONS: extension, ACTIONS: action}
        return make[self.collection](**more)


SAMPLES = [
    Sample(CONNECTORS, "Connector", {"endpointUrl": "https://other.example.com"}),
    Sample(DATASETS, "Dataset", {"columns": {"extra": "date"}}),
    Sample(EXTENSIONS, "DataExtension", {"storageLimitMb": 10}),
    Sample(ACTIONS, "DataAction", {"timeoutSeconds": 7}),
    Sample(STREAMS, "EventStream", {"status": "PAUSED"}),
]


def path_of(sample_or_collection: Sample | str, body: dict[str, Any]) -> str:
    """Give the path of a resource."""
    collection = sample_or_collection if isinstance(sample_or_collection, str) else sample_or_collection.collection
    return f"{collection}/{body['id']}"


def match(body: dict[str, Any]) -> dict[str, str]:
    """Give the header that makes a write conditional on what was read."""
    return {"If-Match": f'"{body["etag"]}"'}


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
