"""State in a file: several emulators on one file see each other's writes, and a restart loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import (
    ACTIONS,
    CONNECTORS,
    DATASETS,
    STREAMS,
    connector,
    created,
    dataset,
    match,
    path_of,
    stream,
)
from tests.support.emulator import RunningEmulator, emulator_process, running_emulator


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def pair(state: Path) -> Iterator[tuple[RunningEmulator, RunningEmulator]]:
    """Two servers on one file, one of them a process of its own."""
    with running_emulator(state=state) as one, emulator_process(state=state) as two:
        yield one, two


def test_a_restart_loses_nothing(state: Path) -> None:
    headers = {"Idempotency-Key": "k"}
    with running_emulator(state=state) as emulator, emulator.client() as api:
        token = api.headers["authorization"]
        first = api.post(DATASETS, json=dataset(), headers=headers)
        created(api, STREAMS, stream(api))
        secret = created(api, CONNECTORS, connector())
        emulator.control("POST", "clock", {"advanceSeconds": 500})
        before = emulator.control("GET", "state?secrets=true")
    with running_emulator(state=state) as emulator, emulator.client() as api:
        api.headers["authorization"] = token
        assert emulator.control("GET", "state?secrets=true") == before
        assert emulator.control("POST", "clock", {"advanceSeconds": 0})["offsetSeconds"] == 500
        assert api.post(DATASETS, json=dataset(), headers=headers).content == first.content
        same = api.patch(
            path_of(CONNECTORS, secret), json={"authentication": secret["authentication"]}, headers=match(secret)
        )
        assert same.json() == secret
        action = api.get(ACTIONS).json()["items"][0]
        assert api.delete(path_of(ACTIONS, action), headers=match(action)).json()["code"] == "IN_USE"


def test_a_state_may_be_served_in_another_style(state: Path) -> None:
    with running_emulator(state=state) as emulator, emulator.client() as api:
        created(api, DATASETS, dataset())
    with running_emulator(state=state, concurrency="none", pagination="offset") as emulator, emulator.client() as api:
        assert "etag" not in api.get(DATASETS).json()["items"][0]


def test_each_sees_what_the_other_wrote(pair: tuple[RunningEmulator, RunningEmulator]) -> None:
    one, two = pair
    with one.client() as first, httpx.Client(base_url=two.url, trust_env=False, verify=False) as second:
        second.headers["authorization"] = first.headers["authorization"]
        made = created(first, DATASETS, dataset())
        assert second.get(path_of(DATASETS, made)).json() == made
        changed = second.patch(path_of(DATASETS, made), json={"name": "renamed"}, headers=match(made)).json()
        assert first.get(DATASETS, params={"name": "renamed"}).json()["items"] == [changed]
        assert first.get(DATASETS).headers["etag"] == second.get(DATASETS).headers["etag"]
        assert first.patch(path_of(DATASETS, made), json={}, headers=match(made)).status_code == 412
        other = created(first, DATASETS, dataset())
        assert other["id"] > made["id"]
        assert second.delete(path_of(DATASETS, made), headers=match(changed)).status_code == 204
        assert first.get(path_of(DATASETS, made)).status_code == 404
        assert first.get(DATASETS).json()["items"] == second.get(DATASETS).json()["items"] == [other]
        one.control("POST", "clock", {"advanceSeconds": 60})
        assert two.control("POST", "clock", {"advanceSeconds": 0})["offsetSeconds"] == 60
        one.control("POST", "reset")
        assert second.get(DATASETS).status_code == 401
        assert two.control("GET", "state")["counts"]["Dataset"] == 0


def test_a_used_action_is_known_to_the_other(pair: tuple[RunningEmulator, RunningEmulator]) -> None:
    one, two = pair
    with one.client() as first, two.client() as second:
        used = created(first, STREAMS, stream(first))
        path = f"{ACTIONS}/{used['actionId']}"
        assert second.delete(path, headers={"If-Match": "*"}).json()["code"] == "IN_USE"
        first.delete(path_of(STREAMS, used), headers=match(used))
        assert second.delete(path, headers={"If-Match": "*"}).status_code == 204


def test_of_two_writers_with_one_etag_exactly_one_wins(pair: tuple[RunningEmulator, RunningEmulator]) -> None:
    """Both servers take patches for the same ETag at the same time; the winner's text is what is stored."""
    one, two = pair
    with one.client() as first, two.client() as second, ThreadPoolExecutor(2) as pool:
        path = path_of(DATASETS, created(first, DATASETS, dataset()))
        barrier = threading.Barrier(2)

        def write(api: httpx.Client, text: str, headers: dict[str, str]) -> int:
            barrier.wait()
            return api.patch(path, json={"description": text}, headers=headers).status_code

        for turn in range(10):
            headers = match(first.get(path).json())
            texts = [f"first-{turn}", f"second-{turn}"]
            statuses = list(pool.map(write, (first, second), texts, (headers, headers)))
            assert sorted(statuses) == [200, 412]
            assert second.get(path).json()["description"] == texts[statuses.index(200)]


def test_names_stay_unique_across_processes(pair: tuple[RunningEmulator, RunningEmulator]) -> None:
    one, two = pair
    with one.client() as first, two.client() as second:
        created(first, DATASETS, dataset())
        assert second.post(DATASETS, json=dataset()).json()["code"] == "NAME_EXISTS"


def test_swapped_names_are_followed(pair: tuple[RunningEmulator, RunningEmulator]) -> None:
    one, two = pair
    with one.client() as first:
        a = created(first, DATASETS, dataset(name="a"))
        b = created(first, DATASETS, dataset(name="b"))
        assert two.control("GET", "state")["counts"]["Dataset"] == 2
        for resource, name in ((a, "c"), (b, "a"), (a, "b")):
            first.patch(path_of(DATASETS, resource), json={"name": name}, headers={"If-Match": "*"})
    with two.client() as second:
        for name, resource in (("a", b), ("b", a)):
            assert second.get(DATASETS, params={"name": name}).json()["items"][0]["id"] == resource["id"]
