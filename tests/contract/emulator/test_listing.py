"""Listing in the three pagination styles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, DATASETS, created, dataset, match, path_of
from tests.support.emulator import RunningEmulator, running_emulator

COUNT = 23


@pytest.fixture(scope="module", params=["page", "offset", "token"])
def server(request: pytest.FixtureRequest) -> Iterator[RunningEmulator]:
    with running_emulator(pagination=request.param, page_size=10) as running:
        running.style = request.param
        yield running


@pytest.fixture
def seeded(emulator: RunningEmulator) -> RunningEmulator:
    emulator.control("POST", "seed", {"kinds": {"Dataset": COUNT, "Connector": 3}})
    return emulator


def pages(api: httpx.Client, path: str, style: str, size: int | None = None) -> Iterator[httpx.Response]:
    """Follow a listing as a client does."""
    names = {"page": "pageSize", "offset": "top", "token": "pageSize"}
    query: dict[str, Any] = {names[style]: size} if size else {}
    while True:
        answer = api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        yield answer
        body = answer.json()
        if style == "page" and body["nextPage"]:
            query["page"] = body["nextPage"]
        elif style == "offset" and body["_links"]["next"]:
            link = urlsplit(body["_links"]["next"])
            assert link.path == path
            query = {key: values[0] for key, values in parse_qs(link.query).items()}
        elif style == "token" and body["scrollToken"]:
            query["scrollToken"] = body["scrollToken"]
        else:
            return


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    body = answer.json()
    items: list[dict[str, Any]] = body.get("items", body.get("data"))
    return items


@pytest.mark.parametrize("size", [None, 1, 5, COUNT - 1, COUNT, COUNT + 1, 500])
def test_all_pages_together_are_the_collection(api: httpx.Client, seeded: RunningEmulator, size: int | None) -> None:
    answers = list(pages(api, DATASETS, seeded.style, size))
    items = [item for answer in answers for item in rows(answer)]
    assert [len(rows(answer)) for answer in answers[:-1]] == [size or 10] * (len(answers) - 1)
    assert len(answers) == -(-COUNT // (size or 10))
    assert len(items) == COUNT
    assert [item["id"] for item in items] == sorted({item["id"] for item in items})
    assert items[0] == api.get(path_of(DATASETS, items[0])).json()
    assert len({answer.headers["etag"] for answer in answers}) == 1
    totals = {answer.json().get(key) for answer in answers for key in ("total", "totalRecords", "hits")}
    assert totals == {COUNT, None}


def test_an_empty_collection(api: httpx.Client, emulator: RunningEmulator) -> None:
    (answer,) = pages(api, DATASETS, emulator.style)
    assert rows(answer) == []
    assert "etag" in answer.headers


def test_one_by_name(api: httpx.Client, seeded: RunningEmulator) -> None:
    wanted = rows(api.get(DATASETS))[7]
    answer = api.get(DATASETS, params={"name": wanted["name"]})
    assert rows(answer) == [wanted]
    assert {1, None} == {answer.json().get(key) for key in ("total", "totalRecords", "hits", "nextPage")}
    assert rows(api.get(DATASETS, params={"name": wanted["name"][:-1]})) == []
    assert rows(api.get(DATASETS, params={"name": ""})) == []


def test_the_etag_moves_with_members_and_membership_only(api: httpx.Client, seeded: RunningEmulator) -> None:
    def etag() -> str:
        return api.get(DATASETS).headers["etag"]

    first = etag()
    assert etag() == first
    seeded.control(
        "POST", "edit", {"kind": "Dataset", "name": rows(api.get(DATASETS))[0]["name"], "patch": {"recordCount": 9}}
    )
    assert etag() == first
    resource = created(api, DATASETS, dataset())
    second = etag()
    changed = api.patch(path_of(DATASETS, resource), json={"description": "x"}, headers=match(resource)).json()
    third = etag()
    api.patch(path_of(DATASETS, resource), json={"description": ""}, headers=match(changed))
    assert etag() == second
    api.delete(path_of(DATASETS, resource), headers=match(resource))
    assert etag() == first
    assert len({first, second, third, api.get(CONNECTORS).headers["etag"]}) == 4


def test_parameters_out_of_range(api: httpx.Client, seeded: RunningEmulator) -> None:
    sized = {"page": "pageSize", "offset": "top", "token": "pageSize"}[seeded.style]
    wrong = [(sized, "0"), (sized, "501"), (sized, "ten"), (sized, "-1"), (sized, "١"), (sized, "9" * 30)]
    wrong += {
        "page": [("page", "0"), ("page", "-1"), ("page", "1.0"), ("page", "")],
        "offset": [("skip", "-1"), ("skip", "x")],
        "token": [
            ("scrollToken", "x"),
            ("scrollToken", ""),
            ("scrollToken", "YWJjZGVmZ2hpamtsbW5vcA"),
            ("scrollToken", "é"),
        ],
    }[seeded.style]
    for name, value in wrong:
        answer = api.get(DATASETS, params={name: value})
        assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, name)
    beyond = {"page": {"page": "999"}, "offset": {"skip": "999"}, "token": {}}[seeded.style]
    assert api.get(DATASETS, params=beyond).status_code == 200


def test_a_scroll_leaves_nothing_out_when_something_is_deleted(api: httpx.Client, seeded: RunningEmulator) -> None:
    if seeded.style != "token":
        assert "scrollToken" not in api.get(DATASETS).json()
        return
    scroll = pages(api, DATASETS, "token", 5)
    first = rows(next(scroll))
    api.delete(path_of(DATASETS, first[0]), headers={"If-Match": "*"}, params={"force": "true"})
    rest = [item["id"] for answer in scroll for item in rows(answer)]
    assert len(set(rest)) == COUNT - 5
    token = api.get(DATASETS).json()["scrollToken"]
    assert api.get(CONNECTORS, params={"scrollToken": token}).status_code == 400
