"""``Idempotency-Key``: repeating a POST is safe, in every concurrency style."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from reconciler.emulator import Client
from tests.contract.emulator.bodies import CONNECTORS, DATASETS, connector, created, dataset, path_of
from tests.support.emulator import RunningEmulator, running_emulator

KEY = {"Idempotency-Key": "run-1/change-7"}


@pytest.fixture(scope="module", params=["etag", "version", "none"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    clients = (Client("local", "local-secret"), Client("other", "secret"))
    with running_emulator(concurrency=request.param, clients=clients, token_lifetime_seconds=10**6) as running:
        yield running


def test_the_first_answer_comes_again(api: httpx.Client) -> None:
    headers = KEY | {"If-None-Match": "*"}
    first = api.post(DATASETS, json=dataset(), headers=headers)
    again = api.post(DATASETS, json=dict(reversed(dataset().items())), headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert api.get(DATASETS).json()["total"] == 1


def test_it_comes_again_after_the_resource_has_moved_on(api: httpx.Client) -> None:
    first = api.post(DATASETS, json=dataset(), headers=KEY)
    api.delete(path_of(DATASETS, first.json()), headers={"If-Match": "*"})
    assert api.post(DATASETS, json=dataset(), headers=KEY).content == first.content
    assert api.get(DATASETS).json()["total"] == 0


def test_another_body_is_refused(api: httpx.Client) -> None:
    api.post(DATASETS, json=dataset(), headers=KEY)
    for body in (dataset(name="other"), {"nonsense": True}):
        answer = api.post(DATASETS, json=body, headers=KEY)
        assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_failures_are_not_kept(api: httpx.Client) -> None:
    assert api.post(DATASETS, json={"name": "x"}, headers=KEY).status_code == 400
    assert api.post(DATASETS, json=dataset(), headers=KEY).status_code == 201


def test_a_key_belongs_to_client_and_path(api: httpx.Client, emulator: RunningEmulator) -> None:
    created(api, DATASETS, dataset())
    api.post(DATASETS, json=dataset(name="b"), headers=KEY)
    assert api.post(CONNECTORS, json=connector(), headers=KEY).status_code == 201
    bearer = {"Authorization": f"Bearer {emulator.token(client_id='other', secret='secret')}"}
    assert api.post(DATASETS, json=dataset(name="b"), headers=KEY | bearer).json()["code"] == "NAME_EXISTS"


def test_keys_are_forgotten_after_a_day(api: httpx.Client, emulator: RunningEmulator) -> None:
    api.post(DATASETS, json=dataset(), headers=KEY)
    emulator.control("POST", "clock", {"advanceSeconds": 24 * 3600 - 60})
    assert api.post(DATASETS, json=dataset(), headers=KEY).status_code == 201
    emulator.control("POST", "clock", {"advanceSeconds": 61})
    assert api.post(DATASETS, json=dataset(), headers=KEY).json()["code"] == "NAME_EXISTS"


@pytest.mark.parametrize("key", ["", "k" * 256, "with space"])
def test_a_key_has_a_form(api: httpx.Client, key: str) -> None:
    assert api.post(DATASETS, json=dataset(), headers={"Idempotency-Key": key}).status_code == 400
