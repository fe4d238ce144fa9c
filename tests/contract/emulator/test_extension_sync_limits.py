"""What keeps a data extension's sync from beginning or from ending well, over a real port."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import EXTENSIONS, created, extension, patch, path_of, refused
from tests.contract.emulator.extension_syncs import FIELDS, NOWHERE, Serve, Syncs, counts
from tests.support.emulator import RunningEmulator
from tests.support.loopback import Call, Reply, loopback_server


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

    def test_storage(self, api: httpx.Client, emulator: RunningEmulator, serve: Serve) -> None:
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

    def test_a_batch_is_as_large_as_asked(self, syncs: Syncs, serve: Serve) -> None:
        source = serve([{"id": f"{i}"} for i in range(5)], [{"id": f"b{i}"} for i in range(4)])
        before = syncs.emulator.control("GET", "state")
        assert counts(syncs.run(source.url, options={"maxBatchSize": 2})) == ("COMPLETED", 9, 9, 0)
        assert before["syncs"] == []
        assert len(syncs.stored()) == 9

    def test_records_lock_the_schema(self, syncs: Syncs, serve: Serve) -> None:
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

    def test_a_fault_makes_one_fail(self, syncs: Syncs, serve: Serve) -> None:
        rule = {"match": {"path": "*/sync"}, "times": 1, "effect": {"failSync": "a batch broke"}}
        syncs.emulator.control("POST", "faults", {"rules": [rule]})
        source = serve([{"id": "a"}, {"id": 1}, {"id": "b"}])
        body = syncs.run(source.url, options={"maxBatchSize": 2})
        assert counts(body) == ("FAILED", 3, 1, 1)
        assert [error["type"] for error in body["errors"]] == ["INJECTED_FAULT", "MALFORMED_RECORD"]
        assert body["errors"][0]["message"] == "a batch broke"
        assert syncs.run(source.url)["status"] == "COMPLETED"
