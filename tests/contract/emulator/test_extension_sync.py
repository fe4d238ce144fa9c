"""A data extension's syncs, over a real port and from real sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension, patch, path_of, refused
from tests.support.emulator import RunningEmulator
from tests.support.loopback import Call, LoopbackServer, Reply, loopback_server, paged_source

FIELDS = [
    {"name": "note", "type": "string", "maxLength": 10},
    {"name": "id", "type": "string", "maxLength": 8, "nullable": False},
    {"name": "n", "type": "number"},
    {"name": "on", "type": "boolean"},
    {"name": "since", "type": "date"},
]
NOWHERE = "http://127.0.0.1:9/records"


class Syncs:
    """One extension and the syncs that are started for it."""

    def __init__(self, api: httpx.Client, emulator: RunningEmulator, **more: Any) -> None:
        self.api = api
        self.emulator = emulator
        self.resource = created(api, EXTENSIONS, extension(fields=FIELDS, **more))
        self.path = path_of(EXTENSIONS, self.resource)

    def post(self, source: str = NOWHERE, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.api.post(self.path + "/sync", json={"sourceEndpoint": source} | more, headers=headers)

    def start(self, source: str, **more: Any) -> str:
        """Start a sync and give where its status is."""
        answer = self.post(source, **more)
        assert answer.status_code == 202, answer.text
        assert list(answer.json()) == ["syncJobId"]
        return str(answer.headers["location"])

    def status(self, location: str) -> dict[str, Any]:
        answer = self.api.get(location)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def until(self, location: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Give the status once it is as wanted, moving the clock on meanwhile."""
        deadline = time.monotonic() + 30
        while not good(body := self.status(location)):
            assert time.monotonic() < deadline, body
            self.emulator.control("POST", "clock", {"advanceSeconds": 1})
            time.sleep(0.01)
        return body

    def run(self, source: str, **more: Any) -> dict[str, Any]:
        """Start a sync and give how it ended."""
        return self.until(self.start(source, **more), lambda body: body["completedAt"] is not None)

    def stored(self) -> list[dict[str, Any]]:
        path = f"extensions/{self.resource['id']}/records"
        found: list[dict[str, Any]] = self.emulator.control("GET", path)["records"]
        assert self.read()["recordCount"] == len(found)
        return found

    def read(self) -> dict[str, Any]:
        resource: dict[str, Any] = self.api.get(self.path).json()
        return resource


@pytest.fixture
def syncs(api: httpx.Client, emulator: RunningEmulator) -> Syncs:
    return Syncs(api, emulator)


@pytest.fixture
def serve() -> Iterator[Callable[..., LoopbackServer]]:
    """Give a function that serves pages of records for as long as the test runs."""
    open_ones = []

    def serving(*pages: list[Any]) -> LoopbackServer:
        open_ones.append(paged_source(list(pages)))
        return open_ones[-1].__enter__()

    yield serving
    for one in open_ones:
        one.__exit__(None, None, None)


def counts(body: dict[str, Any]) -> tuple[str, int, int, int]:
    progress = body["progress"]
    return body["status"], progress["totalRecords"], progress["processedRecords"], progress["rejectedRecords"]


def test_records_are_fetched_page_by_page(syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
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


def test_fields_are_mapped(syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
    source = serve([{"Id": "a", "Count": 2, "n": 99, "Text": "x"}])
    mappings = [{"source": "Id", "target": "id"}, {"source": "Count", "target": "n"}]
    syncs.run(source.url, fieldMappings=mappings)
    assert syncs.stored() == [{"id": "a", "n": 2}]


class TestModes:
    """INCREMENTAL adds and updates; FULL takes the place of everything."""

    def test_incremental(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        syncs.run(serve([{"id": "a", "n": 1, "note": "old"}, {"id": "b", "n": 1}]).url)
        mappings = [{"source": "id", "target": "id"}, {"source": "n", "target": "n"}]
        changed = serve([{"id": "c", "n": 3}, {"id": "a", "n": 2, "note": "not mapped"}])
        assert counts(syncs.run(changed.url, fieldMappings=mappings)) == ("COMPLETED", 2, 2, 0)
        stored = {record["id"]: record for record in syncs.stored()}
        assert {id_: record["n"] for id_, record in stored.items()} == {"a": 2, "b": 1, "c": 3}
        assert stored["a"]["note"] == "old"

    def test_full(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        syncs.run(serve([{"id": "a", "note": "old"}, {"id": "b"}]).url)
        syncs.run(serve([{"id": "c"}], [{"id": "a"}]).url, syncMode="FULL")
        assert [(record["id"], record["note"]) for record in syncs.stored()] == [("a", None), ("c", None)]
        assert counts(syncs.run(serve([]).url, syncMode="FULL")) == ("COMPLETED", 0, 0, 0)
        assert syncs.stored() == []

    def test_a_failed_full_one_leaves_everything_as_it_was(
        self, syncs: Syncs, serve: Callable[..., LoopbackServer]
    ) -> None:
        syncs.run(serve([{"id": "a"}]).url)
        pages = {"/": Reply(body={"records": [{"id": "b"}], "next": "/2"}), "/2": Reply(404)}
        with loopback_server(lambda call: pages[call.path]) as source:
            body = syncs.run(source.url + "/", syncMode="FULL")
        assert counts(body) == ("FAILED", 1, 1, 0)
        assert [error["type"] for error in body["errors"]] == ["SOURCE_UNAVAILABLE"]
        assert [record["id"] for record in syncs.stored()] == ["a"]

    def test_the_last_of_a_key_wins(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        twice = serve([{"id": "a", "n": 1}, {"id": "b"}, {"id": "a", "n": 2}, {"id": "a", "note": "z"}])
        assert counts(syncs.run(twice.url, options={"nullValueHandling": "SKIP"})) == ("COMPLETED", 4, 4, 0)
        assert syncs.stored() == [{"id": "a", "n": 2, "note": "z"}, {"id": "b"}]

    def test_without_a_key_the_record_is_the_key(
        self, api: httpx.Client, emulator: RunningEmulator, serve: Callable[..., LoopbackServer]
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
def test_nulls(syncs: Syncs, serve: Callable[..., LoopbackServer], handling: str, expected: dict[str, Any]) -> None:
    syncs.run(serve([{"id": "a", "note": "x", "n": 5, "on": True, "since": "2024-01-15"}]).url)
    nothing = serve([{"id": "a", "note": None, "n": None}])
    assert counts(syncs.run(nothing.url, options={"nullValueHandling": handling})) == ("COMPLETED", 1, 1, 0)
    assert syncs.stored() == [{"id": "a"} | expected]


class TestMalformedRecords:
    """They are put aside with a correction where there is one; the others are stored."""

    def test_corrections(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
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

    def test_none_that_could_be_stored_is_a_failure(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        body = syncs.run(serve([{"id": None}, {"id": 1}]).url)
        assert counts(body) == ("FAILED", 2, 0, 2)
        assert len(body["errors"]) == 2

    def test_an_update_that_is_wrong_leaves_the_record(
        self, syncs: Syncs, serve: Callable[..., LoopbackServer]
    ) -> None:
        syncs.run(serve([{"id": "a", "n": 1}]).url)
        syncs.run(serve([{"id": "a", "n": "x"}, {"id": "b"}]).url)
        assert [(record["id"], record["n"]) for record in syncs.stored()] == [("a", 1), ("b", None)]

    def test_the_first_100_are_told(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        exact = [{"id": f"r{i}", "n": "x"} for i in range(100)]
        body = syncs.run(serve(exact, [{"id": "ok"}]).url)
        assert counts(body) == ("COMPLETED", 101, 1, 100)
        assert (len(body["errors"]), body["errorsTruncated"]) == (100, False)
        body = syncs.run(serve(exact, [{"id": "one more", "n": "x"}, {"id": "ok"}]).url)
        assert counts(body) == ("COMPLETED", 102, 1, 101)
        assert (len(body["errors"]), body["errorsTruncated"]) == (100, True)
        assert body["errors"][-1]["recordId"] == "r99"

    def test_the_status_stays_small(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
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


class TestRefusals:
    """What a request is refused for, before there is a sync."""

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"sourceEndpoint": None}, ["sourceEndpoint"]),
            ({"sourceEndpoint": "ftp://127.0.0.1/"}, ["sourceEndpoint"]),
            ({"sourceType": "SQL"}, ["sourceType"]),
            ({"syncMode": "SOME"}, ["syncMode"]),
            ({"extensionId": "x1"}, ["extensionId"]),
            ({"fieldMappings": [{"source": "a"}]}, ["fieldMappings[0].target"]),
            ({"fieldMappings": [{"source": "a", "target": "nope"}]}, ["fieldMappings[0].target"]),
            (
                {"fieldMappings": [{"source": "a", "target": "n"}, {"source": "b", "target": "n"}]},
                ["fieldMappings[1].target"],
            ),
            ({"options": {"maxBatchSize": 5001}}, ["options.maxBatchSize"]),
            ({"options": {"maxBatchSize": 0}}, ["options.maxBatchSize"]),
            ({"options": {"nullValueHandling": "KEEP"}}, ["options.nullValueHandling"]),
            ({"options": {"retry": 1}}, ["options.retry"]),
            ({"schedule": "daily"}, ["schedule"]),
        ],
    )
    def test_bodies(self, syncs: Syncs, body: dict[str, Any], fields: list[str]) -> None:
        assert refused(syncs.post(**body)) == fields
        assert syncs.emulator.control("GET", "state")["syncs"] == []

    @pytest.mark.parametrize("field", ["sourceEndpoint", "webhookUrl"])
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/records",
            "https://127.0.0.1/records",
            "http://127.0.0.1@example.com/",
            "http://user:secret@127.0.0.1/",
            "http://10.0.0.1/",
            "http://[2001:db8::1]/",
            "http://localhost.example.com/",
            "http://2130706433/",
            "http://127.0.0.1:port/",
            "http://[::1/",
        ],
    )
    def test_addresses_elsewhere(self, syncs: Syncs, field: str, url: str) -> None:
        answer = syncs.post(**{field: url})
        assert (answer.status_code, answer.json()["code"]) == (422, "ADDRESS_REFUSED")
        assert [detail["field"] for detail in answer.json()["details"]] == [field]

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "[::1]", "localhost"])
    def test_addresses_here(self, syncs: Syncs, host: str) -> None:
        assert syncs.post(f"http://{host}:9/").status_code == 202

    def test_who_may(self, syncs: Syncs, emulator: RunningEmulator) -> None:
        location = syncs.start(NOWHERE)
        with emulator.client("data:read data:write") as other:
            answer = other.post(syncs.path + "/sync", json={"sourceEndpoint": NOWHERE})
            assert answer.status_code == 403
            assert answer.json()["details"] == [{"field": "scope", "message": "data:sync"}]
        with emulator.client("data:sync") as other:
            assert other.get(location).status_code == 403
            assert other.post(syncs.path + "/sync", json={"sourceEndpoint": NOWHERE}).status_code == 202

    def test_what_is_not_there(self, syncs: Syncs, api: httpx.Client) -> None:
        location = syncs.start(NOWHERE)
        other = created(api, EXTENSIONS, extension(name="other"))
        assert api.get(location.replace(syncs.path, path_of(EXTENSIONS, other))).status_code == 404
        assert api.get(f"{syncs.path}/sync/sync_1_{syncs.resource['id']}/status").status_code == 404
        assert api.post(EXTENSIONS + "/nope/sync", json={"sourceEndpoint": NOWHERE}).status_code == 404


class TestSources:
    """Sources that do not answer as they ought to."""

    @pytest.mark.parametrize(
        ("body", "type_"),
        [
            (b"<html>", "SOURCE_INVALID"),
            ({"items": []}, "SOURCE_INVALID"),
            ("text", "SOURCE_INVALID"),
            ({"records": [{"id": "a"}], "next": 5}, "SOURCE_INVALID"),
            ({"records": [{"id": "a"}], "next": "http://[::1"}, "SOURCE_INVALID"),
            ({"records": [{"id": "a"}], "next": "http://example.com/"}, "SOURCE_REFUSED"),
            ({"records": [{"id": "a"}], "next": "/records"}, "SOURCE_INVALID"),
        ],
    )
    def test_answers(self, syncs: Syncs, body: Any, type_: str) -> None:
        with loopback_server(lambda _: Reply(body=body)) as source:
            ended = syncs.run(source.url + "/records")
        assert ended["status"] == "FAILED"
        assert [error["type"] for error in ended["errors"]] == [type_]
        assert len(source.calls) == 1

    def test_a_redirect_is_not_followed(self, syncs: Syncs) -> None:
        with loopback_server(lambda _: Reply(302, headers={"Location": "http://example.com/"})) as source:
            ended = syncs.run(source.url)
        assert [error["type"] for error in ended["errors"]] == ["SOURCE_UNAVAILABLE"]
        assert len(source.calls) == 1

    def test_what_may_pass_is_asked_again(self, syncs: Syncs) -> None:
        replies = iter([Reply(503), Reply(429), Reply(500), Reply(body=[{"id": "a"}])])
        with loopback_server(lambda _: next(replies)) as source:
            assert counts(syncs.run(source.url)) == ("COMPLETED", 1, 1, 0)

    def test_what_does_not_pass_is_given_up(self, syncs: Syncs) -> None:
        with loopback_server(lambda _: Reply(503)) as source:
            ended = syncs.run(source.url)
            assert len(source.calls) == 4
        assert "503" in ended["errors"][0]["message"]
        ended = syncs.run(source.url)  # nobody is there any more
        assert [error["type"] for error in ended["errors"]] == ["SOURCE_UNAVAILABLE"]


class TestLimits:
    """Storage, batches, conflicts and faults."""

    def test_storage(self, api: httpx.Client, emulator: RunningEmulator, serve: Callable[..., LoopbackServer]) -> None:
        fields = [{"name": "id", "type": "number", "nullable": False}, {"name": "text", "type": "string"}]
        syncs = Syncs(api, emulator, storageLimitMb=1)
        patch(api, EXTENSIONS, syncs.resource, {"fields": fields})
        source = serve([{"id": i, "text": "x" * 250} for i in range(5000)])
        body = syncs.run(source.url, options={"maxBatchSize": 1000})
        assert counts(body) == ("FAILED", 5000, 3000, 0)
        assert [error["type"] for error in body["errors"]] == ["STORAGE_LIMIT_EXCEEDED"]
        assert len(syncs.stored()) == 3000
        assert syncs.read()["storageUsedMb"] == 1
        again = serve([{"id": i, "text": "y" * 250} for i in range(3000)])
        assert counts(syncs.run(again.url)) == ("COMPLETED", 3000, 3000, 0)
        assert counts(syncs.run(again.url, syncMode="FULL")) == ("COMPLETED", 3000, 3000, 0)

    def test_a_batch_is_as_large_as_asked(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        source = serve([{"id": f"{i}"} for i in range(5)], [{"id": f"b{i}"} for i in range(4)])
        before = syncs.emulator.control("GET", "state")
        assert counts(syncs.run(source.url, options={"maxBatchSize": 2})) == ("COMPLETED", 9, 9, 0)
        assert before["syncs"] == []
        assert len(syncs.stored()) == 9

    def test_records_lock_the_schema(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        syncs.run(serve([{"id": "a"}]).url)
        locked = patch(syncs.api, EXTENSIONS, syncs.resource, {"fields": FIELDS[:2]})
        assert (locked.status_code, locked.json()["code"]) == (409, "SCHEMA_LOCKED")

    @pytest.mark.parametrize(
        ("retry", "kept", "status"),
        [(True, FIELDS[:3], "COMPLETED"), (False, FIELDS[:3], "FAILED"), (True, FIELDS[:2], "FAILED")],
    )
    def test_fields_that_change_meanwhile(
        self, syncs: Syncs, retry: bool, kept: list[dict[str, Any]], status: str
    ) -> None:
        def handle(_: Call) -> Reply:
            assert patch(syncs.api, EXTENSIONS, syncs.resource, {"fields": kept}).status_code == 200
            return Reply(body=[{"id": "a", "n": 1}])

        mappings = [{"source": "id", "target": "id"}, {"source": "n", "target": "n"}]
        with loopback_server(handle) as source:
            body = syncs.run(source.url, fieldMappings=mappings, options={"retryOnConflict": retry})
        assert body["status"] == status
        expected = [] if status == "COMPLETED" else ["SCHEMA_CONFLICT"]
        assert [error["type"] for error in body["errors"]] == expected

    def test_a_fault_makes_one_fail(self, syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
        rule = {"match": {"path": "*/sync"}, "times": 1, "effect": {"failSync": "a batch broke"}}
        syncs.emulator.control("POST", "faults", {"rules": [rule]})
        source = serve([{"id": "a"}, {"id": 1}, {"id": "b"}])
        body = syncs.run(source.url, options={"maxBatchSize": 2})
        assert counts(body) == ("FAILED", 3, 1, 1)
        assert [error["type"] for error in body["errors"]] == ["INJECTED_FAULT", "MALFORMED_RECORD"]
        assert body["errors"][0]["message"] == "a batch broke"
        assert syncs.run(source.url)["status"] == "COMPLETED"


def test_a_key_makes_repeating_safe(syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
    source = serve([{"id": "a"}])
    answers = [syncs.post(source.url, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].content == answers[1].content
    location = answers[0].headers["location"]
    syncs.until(location, lambda body: body["status"] == "COMPLETED")
    assert syncs.post(source.url, headers={"Idempotency-Key": "k"}).content == answers[0].content
    assert len(source.calls) == 1
    assert len(syncs.emulator.control("GET", "state")["syncs"]) == 1


def test_syncs_of_one_extension_take_turns(syncs: Syncs, serve: Callable[..., LoopbackServer]) -> None:
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
