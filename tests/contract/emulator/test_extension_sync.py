"""A data extension's syncs, over a real port and from real sources."""

from __future__ import annotations

import time
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, patch
from tests.contract.emulator.extension_syncs import Serve, Syncs, counts
from tests.support.emulator import RunningEmulator
from tests.support.loopback import Call, Reply, loopback_server


def test_records_are_fetched_page_by_page(syncs: Syncs, serve: Serve) -> None:
    source = serve([{"id": "a", "n": 1, "extra": 1}, {"id": "b"}], [], [{"id": "c", "since": "2024-01-15"}])
    location = syncs.start(source.url + "/records", extensionId=syncs.resource["id"], sourceType="REST")
    body = syncs.until(location, lambda body: body["completedAt"] is not None)
    job = body["syncJobId"]
    assert location == f"{syncs.path}/sync/{job}/status"
    assert job.split("_")[0] == "sync"
    assert job.split("_")[1].isdigit()
    assert job.split("_")[2:] == [syncs.resource["id"]]
    assert body == {
        "syncJobId": job,
        "extensionId": syncs.resource["id"],
        "status": "COMPLETED",
        "progress": {"totalRecords": 3, "processedRecords": 3, "rejectedRecords": 0},
        "errors": [],
        "errorsTruncated": False,
        "completedAt": body["completedAt"],
    }
    nothing = {"note": None, "n": None, "on": None, "since": None}
    assert syncs.stored() == [
        nothing | {"id": "a", "n": 1},
        nothing | {"id": "b"},
        nothing | {"id": "c", "since": "2024-01-15"},
    ]
    assert [call.path for call in source.calls] == ["/records", "/records?page=1", "/records?page=2"]
    assert "authorization" not in source.calls[0].headers
    after = syncs.read()
    assert (after["recordCount"], after["storageUsedMb"]) == (3, 1)
    assert after["etag"] == syncs.resource["etag"]


def test_a_plain_array_is_a_source_too(syncs: Syncs) -> None:
    with loopback_server(lambda _: Reply(body=[{"id": "a"}])) as source:
        assert counts(syncs.run(source.url)) == ("COMPLETED", 1, 1, 0)


def test_the_next_page_may_be_relative(syncs: Syncs) -> None:
    def handle(call: Call) -> Reply:
        return Reply(body={"records": [{"id": call.path}], "next": "two" if call.path == "/a/one" else None})

    with loopback_server(handle) as source:
        assert counts(syncs.run(source.url + "/a/one")) == ("COMPLETED", 2, 2, 0)
        assert [call.path for call in source.calls] == ["/a/one", "/a/two"]


def test_fields_are_mapped(syncs: Syncs, serve: Serve) -> None:
    source = serve([{"Id": "a", "Count": 2, "n": 99, "Text": "x"}])
    mappings = [{"source": "Id", "target": "id"}, {"source": "Count", "target": "n"}]
    syncs.run(source.url, fieldMappings=mappings)
    assert syncs.stored() == [{"id": "a", "n": 2}]


class TestModes:
    """INCREMENTAL adds and updates; FULL takes the place of everything."""

    def test_incremental(self, syncs: Syncs, serve: Serve) -> None:
        syncs.run(serve([{"id": "a", "n": 1, "note": "old"}, {"id": "b", "n": 1}]).url)
        mappings = [{"source": "id", "target": "id"}, {"source": "n", "target": "n"}]
        changed = serve([{"id": "c", "n": 3}, {"id": "a", "n": 2, "note": "not mapped"}])
        assert counts(syncs.run(changed.url, fieldMappings=mappings)) == ("COMPLETED", 2, 2, 0)
        stored = {record["id"]: record for record in syncs.stored()}
        assert {id_: record["n"] for id_, record in stored.items()} == {"a": 2, "b": 1, "c": 3}
        assert stored["a"]["note"] == "old"

    def test_full(self, syncs: Syncs, serve: Serve) -> None:
        syncs.run(serve([{"id": "a", "note": "old"}, {"id": "b"}]).url)
        syncs.run(serve([{"id": "c"}], [{"id": "a"}]).url, syncMode="FULL")
        assert [(record["id"], record["note"]) for record in syncs.stored()] == [("a", None), ("c", None)]
        assert counts(syncs.run(serve([]).url, syncMode="FULL")) == ("COMPLETED", 0, 0, 0)
        assert syncs.stored() == []

    def test_a_failed_full_one_leaves_everything_as_it_was(self, syncs: Syncs, serve: Serve) -> None:
        syncs.run(serve([{"id": "a"}]).url)
        pages = {"/": Reply(body={"records": [{"id": "b"}], "next": "/2"}), "/2": Reply(404)}
        with loopback_server(lambda call: pages[call.path]) as source:
            body = syncs.run(source.url + "/", syncMode="FULL")
        assert counts(body) == ("FAILED", 1, 1, 0)
        assert [error["type"] for error in body["errors"]] == ["SOURCE_UNAVAILABLE"]
        assert [record["id"] for record in syncs.stored()] == ["a"]

    def test_the_last_of_a_key_wins(self, syncs: Syncs, serve: Serve) -> None:
        twice = serve([{"id": "a", "n": 1}, {"id": "b"}, {"id": "a", "n": 2}, {"id": "a", "note": "z"}])
        assert counts(syncs.run(twice.url, options={"nullValueHandling": "SKIP"})) == ("COMPLETED", 4, 4, 0)
        assert syncs.stored() == [{"id": "a", "n": 2, "note": "z"}, {"id": "b"}]

    def test_without_a_key_the_record_is_the_key(
        self, api: httpx.Client, emulator: RunningEmulator, serve: Serve
    ) -> None:
        syncs = Syncs(api, emulator)
        patch(api, EXTENSIONS, syncs.resource, {"fields": [{"name": "id", "type": "string"}]})
        source = serve([{"id": "a"}, {"id": "a"}, {"id": None}])
        for _ in range(2):
            assert counts(syncs.run(source.url)) == ("COMPLETED", 3, 3, 0)
            assert sorted(record["id"] or "" for record in syncs.stored()) == ["", "a"]


@pytest.mark.parametrize(
    ("handling", "expected"),
    [
        ("SET_NULL", {"note": None, "n": None, "on": None, "since": None}),
        ("SKIP", {"note": "x", "n": 5, "on": True, "since": "2024-01-15"}),
        ("DEFAULT", {"note": "", "n": 0, "on": False, "since": None}),
    ],
)
def test_nulls(syncs: Syncs, serve: Serve, handling: str, expected: dict[str, Any]) -> None:
    syncs.run(serve([{"id": "a", "note": "x", "n": 5, "on": True, "since": "2024-01-15"}]).url)
    nothing = serve([{"id": "a", "note": None, "n": None}])
    assert counts(syncs.run(nothing.url, options={"nullValueHandling": handling})) == ("COMPLETED", 1, 1, 0)
    assert syncs.stored() == [{"id": "a"} | expected]


class TestMalformedRecords:
    """They are put aside with a correction where there is one; the others are stored."""

    def test_corrections(self, syncs: Syncs, serve: Serve) -> None:
        source = serve(
            [{"id": "ok"}, {"id": "a", "n": " 12.50 ", "on": "Yes", "since": "2024-01-15 10:00", "note": "x" * 11}],
            [{"id": "b", "n": "many", "on": "perhaps", "since": 0, "note": 7}, {"n": 1}, "no", {"id": 5}],
        )
        body = syncs.run(source.url)
        assert counts(body) == ("COMPLETED", 6, 1, 5)
        assert {error["type"] for error in body["errors"]} == {"MALFORMED_RECORD"}
        assert [(error["recordId"], error["suggestedCorrections"]) for error in body["errors"]] == [
            ("a", {"n": 12.5, "on": True, "since": "2024-01-15T10:00:00.000Z", "note": "x" * 10}),
            ("b", {"since": "1970-01-01T00:00:00.000Z", "note": "7"}),
            (3, {}),
            (4, {}),
            (5, {"id": "5"}),
        ]
        assert "n must be a number" in body["errors"][0]["message"]
        assert [record["id"] for record in syncs.stored()] == ["ok"]

    def test_none_that_could_be_stored_is_a_failure(self, syncs: Syncs, serve: Serve) -> None:
        body = syncs.run(serve([{"id": None}, {"id": 1}]).url)
        assert counts(body) == ("FAILED", 2, 0, 2)
        assert len(body["errors"]) == 2

    def test_an_update_that_is_wrong_leaves_the_record(self, syncs: Syncs, serve: Serve) -> None:
        syncs.run(serve([{"id": "a", "n": 1}]).url)
        syncs.run(serve([{"id": "a", "n": "x"}, {"id": "b"}]).url)
        assert [(record["id"], record["n"]) for record in syncs.stored()] == [("a", 1), ("b", None)]

    def test_the_first_100_are_told(self, syncs: Syncs, serve: Serve) -> None:
        exact = [{"id": f"r{i}", "n": "x"} for i in range(100)]
        body = syncs.run(serve(exact, [{"id": "ok"}]).url)
        assert counts(body) == ("COMPLETED", 101, 1, 100)
        assert (len(body["errors"]), body["errorsTruncated"]) == (100, False)
        body = syncs.run(serve(exact, [{"id": "one more", "n": "x"}, {"id": "ok"}]).url)
        assert counts(body) == ("COMPLETED", 102, 1, 101)
        assert (len(body["errors"]), body["errorsTruncated"]) == (100, True)
        assert body["errors"][-1]["recordId"] == "r99"

    def test_the_status_stays_small(self, syncs: Syncs, serve: Serve) -> None:
        fields = [{"name": f"field{i}", "type": "string"} for i in range(20)]
        assert patch(syncs.api, EXTENSIONS, syncs.resource, {"fields": fields}).status_code == 200
        source = serve([{f"field{i}": "ä" * 1_000 for i in range(20)} for _ in range(3)] * 5)
        location = syncs.start(source.url)
        syncs.until(location, lambda body: body["completedAt"] is not None)
        answer = syncs.api.get(location)
        assert len(answer.content) < 100_000
        assert counts(answer.json()) == ("FAILED", 15, 0, 15)
        assert 0 < len(answer.json()["errors"]) < 15
        assert answer.json()["errorsTruncated"] is True


def test_a_key_makes_repeating_safe(syncs: Syncs, serve: Serve) -> None:
    source = serve([{"id": "a"}])
    answers = [syncs.post(source.url, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    location = answers[0].headers["location"]
    syncs.until(location, lambda body: body["status"] == "COMPLETED")
    assert syncs.post(source.url, headers={"Idempotency-Key": "k"}).content == answers[0].content
    assert len(source.calls) == 1
    assert len(syncs.emulator.control("GET", "state")["syncs"]) == 1


def test_syncs_of_one_extension_take_turns(syncs: Syncs, serve: Serve) -> None:
    sources = [serve([{"id": "a", "n": n}], [{"id": f"only{n}"}]) for n in range(3)]
    locations = [syncs.start(source.url, syncMode="FULL") for source in sources]
    for location in locations:
        syncs.until(location, lambda body: body["status"] == "COMPLETED")
    assert [(record["id"], record["n"]) for record in syncs.stored()] == [("a", 2), ("only2", None)]


def test_a_deleted_extension_ends_its_syncs(syncs: Syncs, api: httpx.Client) -> None:
    def handle(_: Call) -> Reply:
        assert api.delete(syncs.path, headers={"If-Match": "*"}).status_code == 204
        return Reply(body=[{"id": "a"}])

    with loopback_server(handle) as source, loopback_server(lambda _: Reply()) as receiver:
        location = syncs.start(source.url, webhookUrl=receiver.url)
        source.wait_for(1)
        deadline = time.monotonic() + 30
        while syncs.emulator.control("GET", "state")["syncs"]:
            assert time.monotonic() < deadline
        assert api.get(location).status_code == 404
    assert receiver.calls == []
