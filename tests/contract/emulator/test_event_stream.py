"""EventStream's own rules, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import STREAMS, created, patch, refused, stream


def test_defaults(api: httpx.Client) -> None:
    body = stream(api)
    del body["eventTypes"]
    resource = created(api, STREAMS, body)
    assert (resource["eventTypes"], resource["status"]) == ([], "ACTIVE")


def test_its_action_must_exist(api: httpx.Client) -> None:
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
def test_values(api: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert refused(api.post(STREAMS, json=stream(api, **change))) == [field]
