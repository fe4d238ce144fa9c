"""What holds for every kind: creating, reading, patching and deleting under the common rules."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, SAMPLES, Sample, created, match, path_of
from tests.support.emulator import RunningEmulator

EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.kind)


@EVERY
def test_create_then_read(api: httpx.Client, sample: Sample) -> None:
    body = sample.body(api, description="text")
    answer = api.post(sample.collection, json=body, headers={"X-Request-Id": "my-id"})
    assert answer.status_code == 201, answer.text
    resource = answer.json()
    assert answer.headers["x-request-id"] == "my-id"
    assert answer.headers["location"] == path_of(sample, resource)
    assert answer.headers["etag"] == f'"{resource["etag"]}"'
    assert (resource["name"], resource["description"], resource["lastModifiedBy"]) == (body["name"], "text", "local")
    assert resource["createdTime"] == resource["lastModifiedTime"]
    assert resource["createdTime"].endswith("Z")
    assert "_" not in resource["id"]
    read = api.get(path_of(sample, resource))
    assert (read.json(), read.headers["etag"]) == (resource, answer.headers["etag"])
    assert api.get(sample.collection, params={"name": body["name"]}).json()["items"] == [resource]


@EVERY
def test_a_name_is_taken_once(api: httpx.Client, sample: Sample) -> None:
    body = sample.body(api)
    created(api, sample.collection, body)
    again = api.post(sample.collection, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "NAME_EXISTS")
    conditional = api.post(sample.collection, json=body, headers={"If-None-Match": "*"})
    assert (conditional.status_code, conditional.json()["code"]) == (412, "PRECONDITION_FAILED")
    other = created(api, sample.collection, sample.body(api, name="other"))
    renamed = api.patch(path_of(sample, other), json={"name": body["name"]}, headers=match(other))
    assert (renamed.status_code, renamed.json()["code"]) == (409, "NAME_EXISTS")
    assert api.get(sample.collection).json()["total"] == 2


@EVERY
def test_a_name_is_free_again_after_renaming_and_deleting(api: httpx.Client, sample: Sample) -> None:
    first = created(api, sample.collection, sample.body(api))
    renamed = api.patch(path_of(sample, first), json={"name": "moved"}, headers=match(first)).json()
    second = created(api, sample.collection, sample.body(api))
    assert (renamed["id"], renamed["name"]) == (first["id"], "moved")
    assert second["id"] > first["id"]
    assert api.delete(path_of(sample, second), headers=match(second)).status_code == 204
    assert created(api, sample.collection, sample.body(api))["id"] not in (first["id"], second["id"])


@EVERY
def test_a_patch_changes_what_it_names(api: httpx.Client, emulator: RunningEmulator, sample: Sample) -> None:
    before = created(api, sample.collection, sample.body(api))
    emulator.control("POST", "clock", {"advanceSeconds": 60})
    headers = match(before) | {"Content-Type": "application/merge-patch+json"}
    answer = api.request("PATCH", path_of(sample, before), json=sample.change, headers=headers)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    field = next(iter(sample.change))
    assert after[field] != before[field]
    assert after["etag"] != before["etag"]
    assert after["lastModifiedTime"] > before["lastModifiedTime"]
    moving = {field, "etag", "lastModifiedTime"}
    assert {k: v for k, v in after.items() if k not in moving} == {k: v for k, v in before.items() if k not in moving}


@EVERY
def test_a_patch_that_changes_nothing_moves_nothing(
    api: httpx.Client, emulator: RunningEmulator, sample: Sample
) -> None:
    before = created(api, sample.collection, sample.body(api))
    emulator.control("POST", "clock", {"advanceSeconds": 60})
    assert api.patch(path_of(sample, before), json=before, headers=match(before)).json() == before
    assert api.patch(path_of(sample, before), json={}, headers=match(before)).json() == before


@EVERY
def test_the_etag_comes_back_with_the_content(api: httpx.Client, sample: Sample) -> None:
    before = created(api, sample.collection, sample.body(api))
    there = api.patch(path_of(sample, before), json={"description": "x"}, headers=match(before)).json()
    back = api.patch(path_of(sample, before), json={"description": None}, headers=match(there)).json()
    assert back["description"] == ""
    assert back["etag"] == before["etag"] != there["etag"]


@EVERY
def test_writes_need_the_etag(api: httpx.Client, sample: Sample) -> None:
    resource = created(api, sample.collection, sample.body(api))
    path = path_of(sample, resource)
    stale = (409, "VERSION_CONFLICT") if sample.collection == CONNECTORS else (412, "PRECONDITION_FAILED")
    for method in ("PATCH", "DELETE"):
        sent: dict[str, Any] = {"json": {"description": "x"}} if method == "PATCH" else {}
        missing = api.request(method, path, **sent)
        assert (missing.status_code, missing.json()["code"]) == (428, "PRECONDITION_REQUIRED")
        wrong = api.request(method, path, headers={"If-Match": '"other"'}, **sent)
        assert (wrong.status_code, wrong.json()["code"]) == stale
        weak = api.request(method, path, headers={"If-Match": f'W/"{resource["etag"]}"'}, **sent)
        assert weak.status_code == stale[0]
    assert api.get(path).json() == resource
    assert api.patch(path, json={"description": "x"}, headers={"If-Match": "*"}).status_code == 200
    assert api.delete(path, headers={"If-Match": '"other", *'}).status_code == stale[0]
    assert api.delete(path, headers={"If-Match": "*"}).status_code == 204
    assert api.get(path).status_code == 404
    assert api.delete(path, headers={"If-Match": "*"}).status_code == 404


@EVERY
def test_a_stale_write_is_told_so_before_anything_about_its_content(api: httpx.Client, sample: Sample) -> None:
    resource = created(api, sample.collection, sample.body(api))
    created(api, sample.collection, sample.body(api, name="taken"))
    answer = api.patch(path_of(sample, resource), json={"name": "taken"}, headers={"If-Match": '"old"'})
    assert answer.json()["code"] in ("VERSION_CONFLICT", "PRECONDITION_FAILED")


@EVERY
def test_reading_what_is_known_is_not_modified(api: httpx.Client, sample: Sample) -> None:
    resource = created(api, sample.collection, sample.body(api))
    for path in (path_of(sample, resource), sample.collection):
        first = api.get(path)
        same = api.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    api.patch(path_of(sample, resource), json={"description": "x"}, headers=match(resource))
    for path in (path_of(sample, resource), sample.collection):
        assert api.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@EVERY
def test_unknown_fields_are_refused_and_server_owned_ones_ignored(api: httpx.Client, sample: Sample) -> None:
    body = sample.body(api)
    refused = api.post(sample.collection, json=body | {"nmae": 1})
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "nmae")
    owned = {"id": "mine", "createdTime": "2001-01-01T00:00:00Z", "lastModifiedBy": 1, "etag": None}
    resource = created(api, sample.collection, body | owned)
    assert resource["id"] != "mine"
    assert resource["createdTime"] > "2020"
    patched = api.patch(path_of(sample, resource), json=owned | {"other": 1}, headers=match(resource))
    assert [detail["field"] for detail in patched.json()["details"]] == ["other"]


@EVERY
def test_required_fields_are_required(api: httpx.Client, sample: Sample) -> None:
    body = sample.body(api)
    empty = api.post(sample.collection, json={})
    assert empty.status_code == 400
    required = {detail["field"] for detail in empty.json()["details"]}
    assert "name" in required
    resource = created(api, sample.collection, body)
    for field in required:
        without = api.post(sample.collection, json={key: value for key, value in body.items() if key != field})
        assert [detail["field"] for detail in without.json()["details"]] == [field]
        cleared = api.patch(path_of(sample, resource), json={field: None}, headers=match(resource))
        assert (cleared.status_code, cleared.json()["details"][0]["field"]) == (400, field)


@EVERY
@pytest.mark.parametrize("name", ["", " ", "x" * 129, 5, "line\nbreak", "nul\0"])
def test_names_have_rules(api: httpx.Client, sample: Sample, name: object) -> None:
    answer = api.post(sample.collection, json=sample.body(api) | {"name": name})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "name")


@EVERY
def test_a_console_edit_is_told_by_its_author(api: httpx.Client, emulator: RunningEmulator, sample: Sample) -> None:
    before = created(api, sample.collection, sample.body(api))
    edit = {"kind": sample.kind, "name": before["name"], "patch": sample.change, "by": "kim@console"}
    after = emulator.control("POST", "edit", edit)
    assert after["lastModifiedBy"] == "kim@console"
    assert after["etag"] != before["etag"]
    assert api.get(path_of(sample, before)).json() == after
    assert api.patch(path_of(sample, before), json={}, headers=match(before)).status_code in (409, 412)
    emulator.control("POST", "delete", {"kind": sample.kind, "name": before["name"]})
    assert api.get(path_of(sample, before)).status_code == 404


@EVERY
def test_a_kind_needs_its_scopes(emulator: RunningEmulator, api: httpx.Client, sample: Sample) -> None:
    resource = created(api, sample.collection, sample.body(api))
    with emulator.client("data:sync") as other:
        path = path_of(sample, resource)
        assert {other.get(sample.collection).status_code, other.get(path).status_code} == {403}
        assert other.post(sample.collection, json={}).status_code == 403
        assert other.patch(path, json={}).status_code == 403
        assert other.delete(path, headers=match(resource)).status_code == 403


@EVERY
def test_other_methods_are_named(api: httpx.Client, sample: Sample) -> None:
    for path, allowed in ((sample.collection, {"GET", "HEAD", "POST"}), (sample.collection + "/x", None)):
        answer = api.put(path, json={})
        assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
        assert set(answer.headers["allow"].split(", ")) == (allowed or {"GET", "HEAD", "PATCH", "DELETE"})


@EVERY
def test_head_is_get_without_a_body(api: httpx.Client, sample: Sample) -> None:
    resource = created(api, sample.collection, sample.body(api))
    answer = api.head(path_of(sample, resource))
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", f'"{resource["etag"]}"')
