"""DataAction's own rules, over a real port."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import (
    ACTIONS,
    MASK,
    STREAMS,
    action,
    code,
    created,
    patch,
    path_of,
    refused,
    stored,
    stream,
)
from tests.support.emulator import RunningEmulator


def test_code_is_kept_but_not_read(api: httpx.Client) -> None:
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
def test_values(api: httpx.Client, change: dict[str, Any], field: str) -> None:
    assert refused(api.post(ACTIONS, json=action(**change))) == [field]


def test_environment(api: httpx.Client, emulator: RunningEmulator) -> None:
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


@pytest.mark.parametrize(
    "plain", ["now plain", {"value": "now plain", "secret": False}, {"value": "now plain", "secret": None}]
)
def test_a_variable_goes_from_secret_to_plain_and_back_in_one_patch_each(
    api: httpx.Client, emulator: RunningEmulator, plain: object
) -> None:
    secret = {"value": "canary", "secret": True}
    resource = created(api, ACTIONS, action(environment={"A": secret, "B": "stays"}))
    opened = patch(api, ACTIONS, resource, {"environment": {"A": plain}})
    assert opened.status_code == 200
    assert opened.json()["environment"] == {"A": "now plain", "B": "stays"}
    assert "canary" not in opened.text
    assert stored(emulator, "DataAction")["environment"] == {"A": "now plain", "B": "stays"}
    closed = patch(api, ACTIONS, opened.json(), {"environment": {"A": {"value": "canary-2", "secret": True}}})
    assert closed.json()["environment"] == {"A": {"value": MASK, "secret": True}, "B": "stays"}
    assert len({item["etag"] for item in (resource, opened.json(), closed.json())}) == 3
    assert stored(emulator, "DataAction")["environment"]["A"] == {"value": "canary-2", "secret": True}
    both = {"A": "plain again", "B": {"value": "hidden now", "secret": True}}
    swapped = patch(api, ACTIONS, closed.json(), {"environment": both})
    assert swapped.json()["environment"] == {"A": "plain again", "B": {"value": MASK, "secret": True}}


@pytest.mark.parametrize("trick", [{"secret": False}, {"secret": None}, MASK, {"value": MASK, "secret": False}])
def test_no_patch_reveals_a_secret(api: httpx.Client, trick: object) -> None:
    resource = created(api, ACTIONS, action())
    answer = patch(api, ACTIONS, resource, {"environment": {"KEY": trick}})
    assert "canary" not in answer.text
    assert "canary" not in api.get(ACTIONS).text


def test_the_mask_needs_something_stored(api: httpx.Client) -> None:
    resource = created(api, ACTIONS, action())
    for value in (MASK, {"value": MASK, "secret": True}):
        for name in ("URL", "NEW"):
            answer = patch(api, ACTIONS, resource, {"environment": {name: value}})
            assert refused(answer) == [f"environment.{name}"]


def test_one_that_a_stream_uses_stays(api: httpx.Client, emulator: RunningEmulator) -> None:
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
