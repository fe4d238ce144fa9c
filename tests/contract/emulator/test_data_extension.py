"""DataExtension's own rules, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension, patch, path_of, refused
from tests.support.emulator import RunningEmulator


def test_defaults_and_schema(api: httpx.Client, emulator: RunningEmulator) -> None:
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
def test_values(api: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert refused(api.post(EXTENSIONS, json=extension(**change))) == [field]


def test_a_populated_one_is_locked(api: httpx.Client, emulator: RunningEmulator) -> None:
    resource = created(api, EXTENSIONS, extension())
    numbers = {"recordCount": 1, "storageUsedMb": 4}
    edit = {"kind": "DataExtension", "name": "profile", "patch": numbers}
    assert emulator.control("POST", "edit", edit).items() >= numbers.items()
    dropped = patch(api, EXTENSIONS, resource, {"fields": resource["fields"][:1]})
    assert (dropped.status_code, dropped.json()["code"]) == (409, "SCHEMA_LOCKED")
    assert [detail["field"] for detail in dropped.json()["details"]] == ["fields.since"]
    wider = [*reversed(resource["fields"]), {"name": "new", "type": "boolean"}]
    assert patch(api, EXTENSIONS, resource, {"fields": wider}).status_code == 200
