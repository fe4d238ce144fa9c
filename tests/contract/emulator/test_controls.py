"""The emulator's own controls."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import CONNECTORS, DATASETS, STREAMS, connector, created, dataset, stream
from tests.support.emulator import RunningEmulator


def test_reset_empties_everything(api: httpx.Client, emulator: RunningEmulator) -> None:
    created(api, STREAMS, stream(api))
    emulator.control("POST", "faults", {"rules": [{"effect": {"status": 500}, "match": {"path": "/nowhere"}}]})
    emulator.control("POST", "clock", {"advanceSeconds": 100})
    last = emulator.requests()[-1]["seq"]
    emulator.control("POST", "reset")
    state = emulator.control("GET", "state")
    assert set(state["counts"].values()) == {0}
    assert emulator.control("GET", "faults") == {"rules": []}
    assert emulator.control("POST", "clock", {"advanceSeconds": 0})["offsetSeconds"] == 0
    assert emulator.requests() == []
    assert api.get(CONNECTORS).status_code == 401
    assert emulator.requests()[0]["seq"] == last + 1


def test_ids_are_not_given_out_again_after_a_reset(emulator: RunningEmulator) -> None:
    ids = []
    for _ in range(2):
        emulator.control("POST", "reset")
        with emulator.client() as api:
            ids.append(created(api, DATASETS, dataset())["id"])
    assert ids[0] < ids[1]


def test_the_log(api: httpx.Client, emulator: RunningEmulator) -> None:
    since = emulator.requests()[-1]["seq"]
    api.get(CONNECTORS, params={"name": "a b"}, headers={"X-Request-Id": "r1"})
    api.post(CONNECTORS, json={}, headers={"Authorization": "Bearer no"})
    first, second = emulator.requests(since)
    assert (
        first.items()
        >= {
            "seq": since + 1,
            "method": "GET",
            "path": CONNECTORS,
            "query": "name=a+b",
            "status": 200,
            "requestId": "r1",
            "clientId": "local",
        }.items()
    )
    assert (second["status"], second["clientId"]) == (401, None)
    assert second["at"].endswith("Z")
    with pytest.raises(AssertionError, match="400"):
        emulator.control("GET", "log?since=x")


def test_the_clock_moves_times(api: httpx.Client, emulator: RunningEmulator) -> None:
    first = created(api, DATASETS, dataset())
    moved = emulator.control("POST", "clock", {"advanceSeconds": 3000})
    second = created(api, DATASETS, dataset(name="later"))
    assert second["createdTime"] >= moved["now"] > first["createdTime"]
    for wrong in ({}, {"advanceSeconds": -1}, {"advanceSeconds": "1"}):
        with pytest.raises(AssertionError, match="400"):
            emulator.control("POST", "clock", wrong)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "Robot", "name": "sf", "patch": {}}, 404),
        ({"kind": "Connector", "name": "nope", "patch": {}}, 404),
        ({"kind": "Connector", "name": "sf"}, 400),
        ({"kind": "Connector", "name": "sf", "patch": {"nmae": 1}}, 400),
        ({"kind": "Connector", "name": "sf", "patch": {"version": "1"}}, 400),
        ({"kind": "Connector", "name": "sf", "patch": {"name": "taken"}}, 409),
        ({"kind": "Dataset", "name": "people", "patch": {"recordCount": -1}}, 400),
        ({"kind": "EventStream", "name": "calls", "patch": {"actionId": "nope"}}, 422),
    ],
)
def test_edits_are_checked(api: httpx.Client, emulator: RunningEmulator, body: dict[str, Any], status: int) -> None:
    created(api, CONNECTORS, connector())
    created(api, CONNECTORS, connector(name="taken"))
    created(api, DATASETS, dataset())
    created(api, STREAMS, stream(api))
    before = emulator.control("GET", "state")
    with pytest.raises(AssertionError, match=str(status)):
        emulator.control("POST", "edit", body)
    assert emulator.control("GET", "state") == before


def test_a_console_edit_may_do_what_the_server_may(api: httpx.Client, emulator: RunningEmulator) -> None:
    created(api, CONNECTORS, connector())
    edit = {"kind": "Connector", "name": "sf", "patch": {"lifecycleStatus": "ERROR"}}
    assert emulator.control("POST", "edit", edit)["lastModifiedBy"] == "console"
    created(api, DATASETS, dataset())
    change: dict[str, Any] = {"recordCount": 5, "columns": {"age": None}}
    edited = emulator.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": change})
    assert (edited["recordCount"], "age" in edited["columns"]) == (5, False)
    again = emulator.control(
        "POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"columns": {"mail": None}}}
    )
    assert "mail" not in again["columns"]


def test_a_console_delete(api: httpx.Client, emulator: RunningEmulator) -> None:
    body = stream(api)
    created(api, STREAMS, body)
    with pytest.raises(AssertionError, match="IN_USE"):
        emulator.control("POST", "delete", {"kind": "DataAction", "name": "enrich"})
    with pytest.raises(AssertionError, match="404"):
        emulator.control("POST", "delete", {"kind": "DataAction", "name": "nope", "by": "kim"})
    created(api, DATASETS, dataset())
    emulator.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 5}})
    emulator.control("POST", "delete", {"kind": "Dataset", "name": "people"})
    assert emulator.control("GET", "state")["counts"]["Dataset"] == 0


def test_state_shows_secrets_only_when_asked(api: httpx.Client, emulator: RunningEmulator) -> None:
    created(api, CONNECTORS, connector())
    plain = emulator.control("GET", "state")
    assert plain["resources"]["Connector"] == api.get(CONNECTORS).json()["items"]
    assert "canary-1" not in str(plain)
    assert "canary-1" in str(emulator.control("GET", "state?secrets=true"))


class TestSeed:
    def test_it_is_the_same_for_the_same_seed(self, emulator: RunningEmulator) -> None:
        states = []
        for seed in (1, 1, 2):
            emulator.control("POST", "reset")
            emulator.control("POST", "seed", {"seed": seed, "resources": 60})
            states.append(emulator.control("GET", "state?secrets=true"))
        assert states[0] == states[1]
        assert states[0]["counts"] == states[2]["counts"]
        assert states[0]["resources"] != states[2]["resources"]

    def test_kinds_get_what_they_ask_for(self, emulator: RunningEmulator) -> None:
        made = emulator.control("POST", "seed", {"resources": 100, "kinds": {"Connector": 7, "EventStream": 0}})
        assert made["created"]["Connector"] == 7
        assert made["created"]["EventStream"] == 0
        assert sum(made["created"].values()) == 100
        assert min(made["created"][kind] for kind in ("Dataset", "DataExtension", "DataAction")) > 10

    @pytest.mark.parametrize("resources", [0, 1, 2, 5, 6])
    def test_a_few_are_shared_out_over_what_can_be_there(self, emulator: RunningEmulator, resources: int) -> None:
        made = emulator.control("POST", "seed", {"resources": resources})["created"]
        assert sum(made.values()) == resources
        assert made["DataAction"] >= bool(made["EventStream"])

    def test_a_second_one_adds_or_is_refused(self, emulator: RunningEmulator) -> None:
        emulator.control("POST", "seed", {"seed": 1, "kinds": {"DataAction": 2}})
        emulator.control("POST", "seed", {"seed": 5, "kinds": {"EventStream": 2}})
        before = emulator.control("GET", "state")
        with pytest.raises(AssertionError, match="NAME_EXISTS"):
            emulator.control("POST", "seed", {"seed": 5, "resources": 10})
        assert emulator.control("GET", "state") == before

    @pytest.mark.parametrize(
        "body",
        [{"kinds": {"Robot": 1}}, {"resources": -1}, {"kinds": {"EventStream": 1}}, {"size": 1}, {"seed": "x"}],
    )
    def test_wrong_ones_are_refused(self, emulator: RunningEmulator, body: dict[str, Any]) -> None:
        with pytest.raises(AssertionError, match="400"):
            emulator.control("POST", "seed", body)

    def test_a_seeded_tenant_can_be_written_back_as_it_is(self, emulator: RunningEmulator, api: httpx.Client) -> None:
        emulator.control("POST", "seed", {"seed": 3, "resources": 50})
        resources = emulator.control("GET", "state")["resources"]
        assert {item["recordCount"] > 0 for item in resources["Dataset"]} == {True, False}
        for kind, collection in (("Connector", CONNECTORS), ("Dataset", DATASETS), ("EventStream", STREAMS)):
            for item in resources[kind]:
                answer = api.patch(f"{collection}/{item['id']}", json=item, headers={"If-Match": "*"})
                assert answer.json() == item
