"""The common error body, content types, sizes and the shapes of bodies."""

from __future__ import annotations

import socket

import httpx2 as httpx
import pytest

from reconciler.emulator.http import MAX_BODY_BYTES
from tests.contract.emulator.bodies import ACTIONS, CONNECTORS, DATASETS, action, connector, created, match, path_of


def test_an_error_has_all_members(api: httpx.Client) -> None:
    answer = api.post(CONNECTORS, json={"version": "1"}, headers={"X-Request-Id": "abc"})
    body = answer.json()
    assert set(body) == {"code", "message", "details", "requestId"}
    assert (body["code"], body["requestId"], answer.headers["x-request-id"]) == ("INVALID_BODY", "abc", "abc")
    assert all(set(detail) == {"field", "message"} for detail in body["details"])


def test_a_request_id_is_made_where_none_that_is_fit_came(api: httpx.Client) -> None:
    made = {api.get(CONNECTORS).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert api.get(CONNECTORS, headers={"X-Request-Id": "x" * 129}).headers["x-request-id"] != "x" * 129


@pytest.mark.parametrize("path", ["/", "/nope", CONNECTORS + "/", CONNECTORS + "/a/b", "/_emulator/nope"])
def test_unknown_paths(api: httpx.Client, path: str) -> None:
    answer = api.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "MALFORMED_JSON"),
        (b"{", "MALFORMED_JSON"),
        (b'{"a": NaN}', "MALFORMED_JSON"),
        (b'{"name": "\xff"}', "MALFORMED_JSON"),
        (b'{"name": "\\ud800"}', "MALFORMED_JSON"),
        (b"[" * 100_000, "MALFORMED_JSON"),
        (b"[]", "INVALID_BODY"),
        (b"null", "INVALID_BODY"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies_that_are_no_json_object(api: httpx.Client, method: str, content: bytes, code: str) -> None:
    path = CONNECTORS if method == "POST" else path_of(CONNECTORS, created(api, CONNECTORS, connector()))
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    answer = api.request(method, path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("method", "content_type", "status"),
    [
        ("POST", "application/json; charset=utf-8", 201),
        ("POST", "Application/JSON", 201),
        ("POST", "application/merge-patch+json", 415),
        ("POST", "text/plain", 415),
        ("POST", "", 415),
        ("PATCH", "application/json", 200),
        ("PATCH", "application/merge-patch+json", 200),
        ("PATCH", "application/json-patch+json", 415),
    ],
)
def test_content_types(api: httpx.Client, method: str, content_type: str, status: int) -> None:
    content = httpx.Request("POST", "http://x", json=connector(name="other")).read()
    path = CONNECTORS if method == "POST" else path_of(CONNECTORS, created(api, CONNECTORS, connector()))
    headers = {"If-Match": "*"} if method == "PATCH" else {}
    if content_type:
        headers["Content-Type"] = content_type
    answer = api.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"
        accepted = answer.headers["accept-patch" if method == "PATCH" else "accept"]
        assert "application/json" in accepted


def test_a_body_beyond_the_limit_is_refused_unread(api: httpx.Client) -> None:
    host, port = str(api.base_url.host), api.base_url.port
    head = f"POST {CONNECTORS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: {api.headers['authorization']}\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n"
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(1000).split(b"\r\n")[0]


def test_a_body_of_unknown_length_is_refused_when_it_passes_the_limit(api: httpx.Client) -> None:
    chunk = bytes(4 * 1024 * 1024)
    answer = api.post(
        CONNECTORS,
        content=(chunk for _ in range(MAX_BODY_BYTES // len(chunk) + 1)),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_deep_nesting_is_refused(api: httpx.Client) -> None:
    deep: object = {"type": "string"}
    for _ in range(200):
        deep = {"properties": {"a": deep}}
    assert api.post(ACTIONS, json=action(inputs=deep)).status_code == 400
    resource = created(api, ACTIONS, action())
    patched = api.patch(path_of(ACTIONS, resource), json={"inputs": deep}, headers=match(resource))
    assert (patched.status_code, patched.json()["code"]) == (400, "INVALID_BODY")


def test_numbers_beyond_64_bits_do_no_harm(api: httpx.Client) -> None:
    content = b'{"name": "big", "primaryKey": "a", "columns": {"a": {"type": "string", "maxLength": 1e400}}}'
    answer = api.post(DATASETS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    huge = b'{"inputs": {"properties": {}, "x": 123456789012345678901234567890}}'
    resource = created(api, ACTIONS, action())
    headers = match(resource) | {"Content-Type": "application/json"}
    assert api.patch(path_of(ACTIONS, resource), content=huge, headers=headers).status_code == 200
