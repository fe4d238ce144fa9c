"""What an extension sync tells, and what it makes of a tenant's answers that the emulator never gives."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sync_project import (
    KEY,
    audit,
    complete,
    counts,
    report_of,
    sync_project,
)
from tests.support.sync_tenant import EXTENSION, FIELDS, SECRET, SyncTenant, client, malformed, sync_tenant


def test_the_request_is_the_seeds(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url)
        project.run("run", KEY).ok()
    (key, request), *more = tenant.starts
    assert (bool(key), more) == (True, [])
    source, webhook = request.pop("sourceEndpoint"), request.pop("webhookUrl")
    assert source.startswith("http://127.0.0.1:")
    assert webhook.startswith("http://127.0.0.1:")
    assert len(source.split("/")[-2]) >= 40
    assert request == {
        "extensionId": EXTENSION,
        "sourceType": "REST",
        "fieldMappings": [{"source": field["name"], "target": field["name"]} for field in FIELDS],
        "syncMode": "INCREMENTAL",
        "options": {"maxBatchSize": 5000, "retryOnConflict": True, "nullValueHandling": "SET_NULL"},
    }
    ended = audit(project)[-1]
    original = {**request, "sourceEndpoint": source, "webhookUrl": webhook}
    order = ("extensionId", "sourceType", "sourceEndpoint", "fieldMappings", "syncMode", "webhookUrl", "options")
    sent = json.dumps({name: original[name] for name in order}, separators=(",", ":")).encode()
    assert ended["payloadSha256"] == hashlib.sha256(sent).hexdigest()
    assert ended["complianceFlags"] == {"piiProcessed": True, "schemaValidated": True, "nullsStandardized": True}
    assert ended["counts"]["accepted"] == 3
    assert "Ada" not in json.dumps(audit(project))


def test_malformed_records_are_recovered(tmp_path: Path) -> None:
    """The payload is the seed's; the records are found by their id, corrected and sent, and only they."""

    def refuse(tenant: SyncTenant, job: str) -> None:
        assert len(tenant.fetch(job)) == 3
        errors = [malformed("p-2", age=85), malformed("p-3"), {"type": "OTHER", "message": "the disk is full"}]
        tenant.end(job, "FAILED", total=3, rejected=2, errors=errors)
        assert tenant.deliver(job) == 200

    with sync_tenant(script=refuse) as tenant:
        project = sync_project(tmp_path, tenant.url, syncMode="INCREMENTAL")
        report = report_of(project, code=4)
        assert counts(report) == (3, 1, 2, 0, 0)
        assert "the disk is full" in report["error"]["message"]
        recovery = project.root / report["files"]["recovery"]
        payload = json.loads(recovery.read_bytes())
        assert payload == [
            {"recordId": "p-2", "corrections": {"age": 85}, "retryBatch": True},
            {"recordId": "p-3", "corrections": {}, "retryBatch": True},
        ]
        payload[1] |= {"corrections": {"name": "Edsger W."}}
        payload.append({"recordId": "p-1", "corrections": {"name": "no"}, "retryBatch": False})
        recovery.write_text(json.dumps(payload))
        fetched: list[dict[str, Any]] = []

        def take(tenant: SyncTenant, job: str) -> None:
            fetched.extend(tenant.fetch(job))
            complete(tenant, job)

        tenant.script = take
        assert counts(report_of(project, "--replay", str(recovery), code=4)) == (3, 2, 0, 1, 0)
    assert [(record["id"], record["name"], record["age"]) for record in fetched] == [
        ("p-2", "Grace", 85),
        ("p-3", "Edsger W.", None),
    ]


def test_a_replay_never_replaces_everything(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url, syncMode="FULL")
        line = {"row": 1, "file": "people.csv", "reason": "r", "record": {"id": "p-9", "name": "N"}}
        replay = project.write("again.ndjson", json.dumps(line) + "\n")
        assert counts(report_of(project, "--replay", str(replay))) == (1, 1, 0, 0, 0)
    assert tenant.starts[0][1]["syncMode"] == "INCREMENTAL"


@pytest.mark.parametrize(("rejected", "score"), [(1, "HEALTHY"), (2, "DEGRADED")])
def test_the_health_event_follows_the_rate(tmp_path: Path, rejected: int, score: str) -> None:
    people = "id,name,age,since,active\n" + "".join(f"p-{n},N,1,,true\n" for n in range(100))

    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, total=100, rejected=rejected, errors=[malformed(f"p-{n}") for n in range(rejected)])
        assert tenant.deliver(job) == 200

    with sync_tenant(script=script) as tenant:
        sync_project(tmp_path, tenant.url, people=people).run("run", KEY).ok()
    (event,) = tenant.health
    assert event["eventType"] == "CXONE_EXTENSION_HEALTH"
    assert event["data"].pop("reportedAt").endswith("Z")
    assert event["data"].pop("syncLatencyMs") >= 0
    assert event["data"] == {"extensionId": EXTENSION, "rejectionRatePercent": rejected, "healthScore": score}


def test_a_health_event_that_is_not_taken_only_warns(tmp_path: Path) -> None:
    with sync_tenant(script=complete, health_status=400) as tenant:
        ran = sync_project(tmp_path, tenant.url).run("run", KEY).ok()
    assert "the health event was not taken" in ran.err


def test_counts_that_cannot_be_are_no_success(tmp_path: Path) -> None:
    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, total=7)
        assert tenant.deliver(job) == 200

    with sync_tenant(script=script) as tenant:
        ran = sync_project(tmp_path, tenant.url).run("run", KEY).ok(1)
    assert "3 read ≠ 7 accepted" in ran.out
    assert "was offered 3" in ran.out


def test_what_the_tenant_did_not_fetch_is_pending(tmp_path: Path) -> None:
    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, total=2)
        assert tenant.deliver(job) == 200

    with sync_tenant(script=script) as tenant:
        report = report_of(sync_project(tmp_path, tenant.url), code=4)
    assert counts(report) == (3, 2, 0, 0, 1)


def test_a_full_sync_that_failed_has_replaced_nothing(tmp_path: Path) -> None:
    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, "FAILED", total=3, processed=2, errors=[{"type": "SOURCE", "message": "gone"}])
        assert tenant.deliver(job) == 200

    with sync_tenant(script=script) as tenant:
        report = report_of(sync_project(tmp_path, tenant.url, syncMode="FULL"), code=1)
    assert counts(report) == (3, 0, 0, 0, 3)


def test_public_addresses_are_given_and_nothing_else_is_served(tmp_path: Path) -> None:
    """The tenant is told the public URLs; whatever prefix a proxy leaves in place, only the token's path has pages."""
    seen: dict[str, int] = {}

    def script(tenant: SyncTenant, job: str) -> None:
        request = tenant.starts[0][1]
        assert request["sourceEndpoint"].startswith("http://localhost:1/records/")
        assert request["webhookUrl"] == "http://localhost:1/hook"
        run = json.loads((tmp_path / ".reconciler/local/jobs/ExtensionSync-load/run.json").read_bytes())
        inside = f"http://127.0.0.1:{run['page_port']}"
        token = run["token"]
        with client() as http:
            page = http.get(f"{inside}/records/{token}/0")
            assert page.json()["next"] == f"http://localhost:1/records/{token}/1"
            assert page.headers["cache-control"] == "no-store"
            assert http.get(f"{inside}/{token}/1").json() == {
                "records": [
                    {"id": "p-3", "name": "Edsger", "age": None, "since": "1930-05-11T00:00:00.000Z", "active": None}
                ],
                "next": None,
            }
            for path in (f"{token}/2", f"{token}/-1", f"{token}/x", f"{token}/", token, "", f"x{token[1:]}/0", "a/b/0"):
                seen[path.replace(token, "T")] = http.get(f"{inside}/{path}").status_code
            seen["POST"] = http.post(f"{inside}/{token}/0").status_code
            seen["HEAD"] = http.head(f"{inside}/{token}/0").status_code
        tenant.end(job, total=3)

    with sync_tenant(script=script) as tenant:
        project = sync_project(
            tmp_path,
            tenant.url,
            source={"path": "people.csv", "format": "csv", "serve": {"publicUrl": "http://localhost:1/records/"}},
            webhook={"publicUrl": "http://localhost:1/hook", "secret": "${secret:env:TEST_WEBHOOK_SECRET}"},
            options={"maxBatchSize": 2},
        )
        ran = project.run("run", KEY, "-v").ok()
    refused = {name: status for name, status in seen.items() if name not in ("POST", "HEAD")}
    assert set(refused.values()) == {404}
    assert (seen["POST"], seen["HEAD"]) == (405, 405)
    assert SECRET not in ran.all


def test_several_formats_are_read(tmp_path: Path) -> None:
    fetched: list[dict[str, Any]] = []

    def script(tenant: SyncTenant, job: str) -> None:
        fetched.extend(tenant.fetch(job))
        tenant.end(job, total=3)

    with sync_tenant(script=script) as tenant:
        project = sync_project(tmp_path, tenant.url, source={"path": "in/*.ndjson", "format": "ndjson"}, webhook=None)
        project.write("in/1.ndjson", '{"id": "a", "age": 1.5, "other": [1]}\n{"id": 7, "active": "true"}\n')
        project.write("in/2.ndjson", '{"id": "c", "since": "2024-02-29"}\n[1]\n{"id": "d", "age": {"no": 1}}\n')
        report = report_of(project, code=4)
    assert counts(report) == (5, 3, 0, 2, 0)
    assert [(item["id"], item["age"], item["since"], item["active"]) for item in fetched] == [
        ("a", 1.5, None, None),
        ("7", None, None, True),
        ("c", None, "2024-02-29T00:00:00.000Z", None),
    ]
