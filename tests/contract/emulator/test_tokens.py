"""Tokens: four paths, every encoding, scopes, expiry, and errors as OAuth has them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from reconciler.emulator import Client
from reconciler.emulator.settings import SCOPES
from tests.contract.emulator.bodies import CONNECTORS, DATASETS
from tests.support.emulator import RunningEmulator, running_emulator

PATHS = ("/oauth/token", "/oauth2/token", "/api/v2/oauth2/token", "/api/v2/oauth/token")
CREDENTIALS = {"client_id": "reader:1", "client_secret": "p%s +&:é"}
READ = frozenset({"data-actions:read", "crm:connectors:read"})


@pytest.fixture(scope="module")
def server() -> Iterator[RunningEmulator]:
    clients = (
        Client("local", "local-secret"),
        Client(CREDENTIALS["client_id"], CREDENTIALS["client_secret"], READ),
        Client("basic", "s3cret:with colon", READ),
    )
    with running_emulator(clients=clients, token_lifetime_seconds=600) as running:
        yield running


@pytest.fixture
def http(emulator: RunningEmulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=emulator.url, trust_env=False, verify=False) as client:
        yield client


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["form", "json", "basic-form", "basic-json", "both"])
def test_every_path_takes_every_encoding(http: httpx.Client, path: str, encoding: str) -> None:
    request: dict[str, Any] = {"grant_type": "client_credentials", "scope": "data-actions:read"}
    headers: dict[str, str] = {}
    if encoding in ("form", "json"):
        request |= CREDENTIALS
    else:
        headers = basic("basic", "s3cret:with colon")
    if encoding == "both":
        request |= {"client_id": "basic", "client_secret": "s3cret:with colon"}
    sent = {"data": request} if encoding.endswith("form") else {"json": request}
    answer = http.post(path, headers=headers, **sent)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "data-actions:read")
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert http.get(DATASETS, headers=bearer).status_code == 200


def test_a_form_in_its_raw_encoding(http: httpx.Client) -> None:
    raw = "grant_type=client_credentials&client_id=local&client_secret=local-secret&scope=data%3Aread+data%3Async"
    for text in (raw, raw.replace("+", "%20")):
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        assert http.post("/oauth/token", content=text, headers=headers).json()["scope"] == "data:read data:sync"


def test_basic_credentials_may_be_form_encoded(http: httpx.Client) -> None:
    headers = basic("basic", "s3cret%3Awith+colon")
    request = {"grant_type": "client_credentials"}
    assert http.post("/oauth/token", data=request, headers=headers).status_code == 200


def test_no_scope_grants_all_that_the_client_has(http: httpx.Client) -> None:
    request = {"grant_type": "client_credentials"}
    granted = http.post("/oauth/token", data=request | CREDENTIALS).json()["scope"]
    assert granted.split() == sorted(READ)
    local = {"client_id": "local", "client_secret": "local-secret"}
    assert set(http.post("/oauth/token", data=request | local).json()["scope"].split()) == set(SCOPES)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody", "client_secret": ""}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "data:write"}, 403, "invalid_scope"),
        ({"scope": "nonsense"}, 403, "invalid_scope"),
    ],
)
def test_errors(http: httpx.Client, change: dict[str, str | None], status: int, error: str) -> None:
    request = {"grant_type": "client_credentials", **CREDENTIALS, **change}
    answer = http.post("/oauth/token", json={key: value for key, value in request.items() if value is not None})
    body = answer.json()
    assert (answer.status_code, body["error"], body["code"]) == (status, error, error)
    assert body["message"] == body["error_description"]
    assert CREDENTIALS["client_secret"] not in answer.text


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"grant_type": 1}', "application/json", 400),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded", 400),
        (b"grant_type=%ff", "application/x-www-form-urlencoded", 400),
        (b"grant_type", "application/x-www-form-urlencoded", 400),
        (b"<xml/>", "application/xml", 415),
    ],
)
def test_bodies_that_are_neither_form_nor_json(
    http: httpx.Client, content: bytes, content_type: str, status: int
) -> None:
    answer = http.post("/oauth/token", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


@pytest.mark.parametrize("value", ["Basic", "Basic %%%", "Basic " + base64.b64encode(b"nocolon").decode()])
def test_a_broken_basic_header_is_refused(http: httpx.Client, value: str) -> None:
    answer = http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": value})
    assert answer.status_code == 400


def test_basic_and_body_must_agree(http: httpx.Client) -> None:
    request = {"grant_type": "client_credentials", "client_id": "local"}
    answer = http.post("/oauth/token", data=request, headers=basic("basic", "s3cret:with colon"))
    assert answer.json()["error"] == "invalid_request"


def test_a_wrong_basic_pair_is_challenged(http: httpx.Client) -> None:
    request = {"grant_type": "client_credentials"}
    answer = http.post("/oauth/token", data=request, headers=basic("basic", "wrong"))
    assert (answer.status_code, answer.headers["www-authenticate"].split()[0]) == (401, "Basic")


def test_the_access_key_grant(http: httpx.Client) -> None:
    path = "/authentication/v1/token/access-key"
    good = http.post(path, json={"accessKeyId": "local", "accessKeySecret": "local-secret"})
    bearer = {"Authorization": f"Bearer {good.json()['access_token']}"}
    assert http.get(CONNECTORS, headers=bearer).status_code == 200
    assert http.post(path, json={"accessKeyId": "local", "accessKeySecret": "no"}).status_code == 401
    assert http.post(path, json={"accessKeyId": "local"}).status_code == 400
    assert http.post(path, data={"accessKeyId": "local"}).status_code == 415


def test_discovery_leads_to_a_token(http: httpx.Client, emulator: RunningEmulator) -> None:
    tenant = http.get("/.well-known/cxone-configuration", params={"tenantId": "acme"}).json()
    assert (tenant["api_endpoint"], tenant["auth_endpoint"], tenant["tenantId"]) == (emulator.url, emulator.url, "acme")
    endpoint = http.get("/.well-known/openid-configuration").json()["token_endpoint"]
    local = {"grant_type": "client_credentials", "client_id": "local", "client_secret": "local-secret"}
    assert http.post(endpoint, data=local).status_code == 200


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer nonsense", "Basic bG9jYWw6bG9jYWwtc2VjcmV0"])
def test_calls_need_a_token(http: httpx.Client, value: str | None) -> None:
    answer = http.get(CONNECTORS, headers={} if value is None else {"Authorization": value})
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_missing_scope_is_named(http: httpx.Client, emulator: RunningEmulator) -> None:
    bearer = {"Authorization": f"Bearer {emulator.token('data:read')}"}
    answer = http.get(CONNECTORS, headers=bearer)
    assert answer.status_code == 403
    assert answer.json()["details"] == [{"field": "scope", "message": "crm:connectors:read"}]
    written = http.post(CONNECTORS, json={}, headers=bearer)
    assert written.json()["details"] == [{"field": "scope", "message": "crm:connectors:write"}]


@pytest.mark.parametrize("scope", ["data:actions:read", "data:actions:write", "data:actions:execute"])
def test_actions_are_read_with_any_of_their_scopes(emulator: RunningEmulator, scope: str) -> None:
    with emulator.client(scope) as client:
        assert client.get("/api/v2/data/actions").status_code == 200


def test_tokens_expire_by_the_emulated_clock(api: httpx.Client, emulator: RunningEmulator) -> None:
    assert api.get(CONNECTORS).status_code == 200
    emulator.control("POST", "clock", {"advanceSeconds": 599})
    assert api.get(CONNECTORS).status_code == 200
    emulator.control("POST", "clock", {"advanceSeconds": 2})
    assert api.get(CONNECTORS).status_code == 401
