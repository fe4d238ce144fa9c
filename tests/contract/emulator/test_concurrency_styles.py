"""Tenants without ETags: by version, and without any precondition."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, SAMPLES, Sample, connector, created, path_of
from tests.support.emulator import RunningEmulator, running_emulator

EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.kind)
OTHERS = pytest.mark.parametrize("sample", SAMPLES[1:], ids=lambda sample: sample.kind)


@pytest.fixture(scope="module", params=["version", "none"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    with running_emulator(concurrency=request.param) as running:
        running.style = request.param
        yield running


@EVERY
def test_there_are_no_etags(api: httpx.Client, sample: Sample) -> None:
    answer = api.post(sample.collection, json=sample.body(api))
    assert answer.status_code == 201
    for shown in (answer, api.get(path_of(sample, answer.json())), api.get(sample.collection)):
        assert "etag" not in shown.headers
        assert '"etag"' not in shown.text
    assert api.get(sample.collection, headers={"If-None-Match": "*"}).status_code == 200


@OTHERS
def test_writes_need_no_precondition(api: httpx.Client, sample: Sample) -> None:
    path = path_of(sample, created(api, sample.collection, sample.body(api)))
    assert api.patch(path, json={"description": "a"}).status_code == 200
    assert api.patch(path, json={"description": "b"}, headers={"If-Match": '"x"'}).json()["description"] == "b"
    assert api.delete(path).status_code == 204


@EVERY
def test_creating_once_works(api: httpx.Client, sample: Sample) -> None:
    body = sample.body(api)
    headers = {"If-None-Match": "*"}
    assert api.post(sample.collection, json=body, headers=headers).status_code == 201
    assert api.post(sample.collection, json=body, headers=headers).status_code == 412


def test_connectors_have_their_version(api: httpx.Client, emulator: RunningEmulator) -> None:
    path = path_of(CONNECTORS, created(api, CONNECTORS, connector()))
    answers = [
        api.patch(path, json={"description": "a"}).status_code,
        api.patch(path, json={"description": "b"}, headers={"If-Match": "0.9.0"}).status_code,
        api.patch(path, json={"version": "2.0.0"}, headers={"If-Match": "1.0.0"}).status_code,
        api.delete(path, headers={"If-Match": "1.0.0"}).status_code,
        api.delete(path, headers={"If-Match": '"2.0.0"'}).status_code,
    ]
    expected = {"version": [428, 409, 200, 409, 204], "none": [200, 200, 200, 204, 404]}
    assert answers == expected[emulator.style]
