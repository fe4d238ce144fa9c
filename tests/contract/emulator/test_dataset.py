"""Dataset's own rules, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import DATASETS, created, dataset, patch, path_of, refused
from tests.support.emulator import RunningEmulator


def test_columns_are_read_back_in_the_long_form(api: httpx.Client) -> None:
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
def test_values(api: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert refused(api.post(DATASETS, json=dataset(**change))) == [field]


def test_a_populated_one_is_locked(api: httpx.Client, emulator: RunningEmulator) -> None:
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


def test_a_populated_one_is_deleted_by_force_only(api: httpx.Client, emulator: RunningEmulator) -> None:
    path = path_of(DATASETS, created(api, DATASETS, dataset()))
    emulator.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 1}})
    refusal = api.delete(path, headers={"If-Match": "*"})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "IN_USE")
    assert api.delete(path + "?force=true", headers={"If-Match": "*"}).status_code == 204


def test_records_are_listed(api: httpx.Client, emulator: RunningEmulator) -> None:
    resource = created(api, DATASETS, dataset())
    assert emulator.control("GET", f"datasets/{resource['id']}/records") == {"records": []}
