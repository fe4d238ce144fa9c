"""What calls the webhook of a running sync can do and what they cannot, over a real port, against a tenant that does as it is told."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.project import Ran
from tests.support.sync_project import KEY, records_of, sync_project
from tests.support.sync_tenant import SECRET, SyncTenant, body, client, deliver, signed, sync_tenant


def webhook_of(tenant: SyncTenant) -> str:
    return str(tenant.starts[-1][1]["webhookUrl"])


def run_against(tmp_path: Path, tenant: SyncTenant, *arguments: str, **changes: Any) -> tuple[Ran, dict[str, Any]]:
    project = sync_project(tmp_path, tenant.url, **changes)
    ran = project.run("run", KEY, *arguments)
    assert tenant.starts, ran.all
    return ran, records_of(project)


def test_the_first_end_counts_and_nothing_comes_after_it(tmp_path: Path) -> None:
    """Duplicates, a late opposite end and one that went back are acknowledged and change nothing."""

    def script(tenant: SyncTenant, job: str) -> None:
        fetched = tenant.fetch(job)
        assert [record["id"] for record in fetched] == ["p-1", "p-2", "p-3"]
        running = body(job, "RUNNING", 3, 1)
        first = body(job, "COMPLETED", 3)
        # The status goes on saying RUNNING: only the webhook knows of the end.
        assert tenant.deliver(job, body=running, delivery="d-1") == 200
        assert tenant.deliver(job, body=first, delivery="d-2") == 200

    with sync_tenant(script=script) as tenant:
        ran, records = run_against(tmp_path, tenant)
    assert "3 read = 3 accepted + 0 rejected + 0 quarantined + 0 pending" in ran.ok().out
    assert records["sync_1_xt1"]["endedBy"] == "webhook"
    assert records["sync_1_xt1"]["state"]["status"] == "COMPLETED"
    assert len(tenant.health) == 1


def test_lies_and_noise_change_nothing(tmp_path: Path) -> None:
    """Forged, unsigned, old, of tomorrow, malformed, huge, of the wrong type, of another method, of unknown jobs."""
    seen: dict[str, int] = {}

    def script(tenant: SyncTenant, job: str) -> None:
        url = webhook_of(tenant)
        lie = body(job, "FAILED", 3, 0, 3)
        text = json.dumps(lie).encode()
        now = time.time()
        seen["forged"] = deliver(url, lie, secret="another secret")
        seen["body changed"] = deliver(url, lie, headers=signed(json.dumps(body(job, "COMPLETED")).encode()))
        seen["unsigned"] = deliver(url, lie, headers={"X-CXone-Signature": ""})
        seen["no time"] = deliver(url, lie, headers={"X-CXone-Timestamp": ""})
        seen["time changed"] = deliver(url, lie, at=now, headers={"X-CXone-Timestamp": str(int(now) + 1)})
        seen["time is none"] = deliver(url, lie, headers={"X-CXone-Timestamp": "soon"})
        seen["not hex"] = deliver(url, lie, headers={"X-CXone-Signature": "sha256=äö".encode()})
        seen["old"] = deliver(url, lie, at=now - 301)
        seen["of tomorrow"] = deliver(url, lie, at=now + 310)
        seen["no JSON"] = deliver(url, None, content=b"{", headers=signed(b"{", delivery="x1"))
        seen["no status"] = deliver(url, {"syncJobId": job}, delivery="x2")
        seen["a strange status"] = deliver(url, {"syncJobId": job, "status": "DONE"}, delivery="x3")
        seen["counts below 0"] = deliver(url, body(job, "FAILED", -1), delivery="x4")
        seen["counts as text"] = deliver(url, {**body(job, "FAILED"), "progress": {"totalRecords": "3"}}, delivery="x5")
        seen["a list"] = deliver(url, [lie], delivery="x6")
        seen["no id"] = deliver(url, {**lie, "syncJobId": None}, delivery="x7")
        seen["unknown job"] = deliver(url, body("sync_9_xt1", "FAILED"), delivery="x8")
        seen["wrong type"] = deliver(url, lie, headers={"Content-Type": "text/plain"})
        huge = json.dumps({**lie, "errors": [{"message": "x" * 300_000}]}).encode()
        seen["huge"] = deliver(url, None, content=huge, headers=signed(huge))
        with client() as http:
            seen["GET"] = http.get(url).status_code
            seen["PUT"] = http.put(url, content=text, headers=signed(text)).status_code
            seen["HEAD"] = http.head(url).status_code
        seen["huge and never ending"] = endless(url)
        assert tenant.deliver(job, body=body(job, "COMPLETED", 3), delivery="x9") == 200

    with sync_tenant(script=script) as tenant:
        ran, records = run_against(tmp_path, tenant)
    unauthorised = (
        "forged",
        "body changed",
        "unsigned",
        "no time",
        "time changed",
        "time is none",
        "not hex",
        "old",
        "of tomorrow",
    )
    assert {name: seen.pop(name) for name in unauthorised} == dict.fromkeys(unauthorised, 401)
    malformed = ("no JSON", "no status", "a strange status", "counts below 0", "counts as text", "a list", "no id")
    assert {name: seen.pop(name) for name in malformed} == dict.fromkeys(malformed, 400)
    assert seen == {
        "unknown job": 404,
        "wrong type": 415,
        "huge": 413,
        "huge and never ending": 413,
        "GET": 405,
        "PUT": 405,
        "HEAD": 405,
    }
    assert "3 accepted + 0 rejected" in ran.ok().out
    assert records["sync_1_xt1"]["endedBy"] == "webhook"
    assert ran.err.count("the webhook refused a delivery") == 1
    assert SECRET not in ran.all


def endless(url: str) -> int:
    """Send a body in chunks without end, and give the status that comes back while it is still being sent."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as sock:
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(b"").items())
        sock.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{head}\r\n".encode())
        sock.settimeout(0.01)
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        sent, answer = b"", b""
        while b"\r\n" not in answer:
            sent = sent or chunk
            try:
                sent = sent[sock.send(sent) :]
                answer += sock.recv(4096)
            except TimeoutError:
                continue
        return int(answer.split()[1])


@pytest.mark.parametrize("again", ["the same", "another id", "another time"])
def test_a_replayed_delivery_is_acknowledged_and_taken_once(tmp_path: Path, again: str) -> None:
    """A replay of an earlier RUNNING, even under another delivery id, does not move the job."""

    def script(tenant: SyncTenant, job: str) -> None:
        url = webhook_of(tenant)
        said = body(job, "RUNNING", 3, 1)
        now = time.time()
        assert deliver(url, said, at=now, delivery="d-1") == 200
        other = {"the same": (now, "d-1"), "another id": (now, "d-2"), "another time": (now + 1, "d-1")}[again]
        # With the id of a delivery that was taken, even another body is none.
        what = body(job, "FAILED", 3, 0, 3) if again == "another time" else said
        assert deliver(url, what, at=other[0], delivery=other[1]) == 200
        assert deliver(url, body(job, "COMPLETED", 3), delivery="d-3") == 200

    with sync_tenant(script=script) as tenant:
        ran, records = run_against(tmp_path, tenant)
    assert "3 accepted" in ran.ok().out
    assert records["sync_1_xt1"]["state"]["status"] == "COMPLETED"


def test_a_delivery_before_the_answer_waits_for_it(tmp_path: Path) -> None:
    """The tenant calls before its answer to the start is out: the job is not known yet, and nothing is lost."""
    calls: list[socket.socket] = []

    def early(tenant: SyncTenant, job: str) -> None:
        said = json.dumps(body(job, "COMPLETED", 3)).encode()
        place = urlsplit(webhook_of(tenant))
        calls.append(socket.create_connection((place.hostname or "", place.port or 0), timeout=30))
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(said).items())
        calls[0].sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(said)}\r\n{head}\r\n".encode() + said)

    def script(tenant: SyncTenant, job: str) -> None:
        with calls[0]:
            assert calls[0].recv(4096).split()[1] == b"200"

    with sync_tenant(script=script, before_answer=early) as tenant:
        ran, records = run_against(tmp_path, tenant)
    assert "3 accepted" in ran.ok().out
    assert records["sync_1_xt1"]["endedBy"] == "webhook"


def test_what_an_earlier_job_reports_late_does_not_touch_the_present_one(tmp_path: Path) -> None:
    def first(tenant: SyncTenant, job: str) -> None:
        assert tenant.deliver(job, body=body(job, "COMPLETED", 3), delivery="d-1") == 200

    def second(tenant: SyncTenant, job: str) -> None:
        late = body("sync_1_xt1", "FAILED", 3, 0, 3)
        assert deliver(webhook_of(tenant), late, delivery="d-2") == 200
        assert deliver(webhook_of(tenant), body(job, "COMPLETED", 3), delivery="d-3") == 200

    with sync_tenant(script=first) as tenant:
        project = sync_project(tmp_path, tenant.url)
        project.run("run", KEY).ok()
        tenant.script = second
        project.run("run", KEY).ok()
    records = records_of(project)
    assert [records[name]["state"]["status"] for name in ("sync_1_xt1", "sync_2_xt1")] == ["COMPLETED"] * 2


def test_asking_finds_the_end_when_no_webhook_comes(tmp_path: Path) -> None:
    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, "COMPLETED", total=3)

    with sync_tenant(script=script) as tenant:
        ran, records = run_against(tmp_path, tenant)
    assert "3 accepted" in ran.ok().out
    assert records["sync_1_xt1"]["endedBy"] == "poll"


def test_without_a_secret_a_call_only_makes_the_job_ask(tmp_path: Path) -> None:
    """Anybody may say COMPLETED: the tenant is asked, and it says FAILED."""

    def script(tenant: SyncTenant, job: str) -> None:
        lie = json.dumps(body(job, "COMPLETED", 3)).encode()
        tenant.end(
            job, "FAILED", total=3, processed=0, rejected=0, errors=[{"type": "SOURCE", "message": "it is cold"}]
        )
        with client() as http:
            answer = http.post(webhook_of(tenant), content=lie, headers={"Content-Type": "application/json"})
        assert answer.status_code == 200

    with sync_tenant(script=script) as tenant:
        ran, records = run_against(tmp_path, tenant, webhook={})
    assert "it is cold" in ran.ok(1).out
    assert records["sync_1_xt1"]["endedBy"] == "poll"


def test_a_shortened_list_of_errors_is_completed_by_asking(tmp_path: Path) -> None:
    errors = [{"type": "MALFORMED_RECORD", "recordId": f"p-{n}", "message": "no"} for n in (1, 2)]

    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, "COMPLETED", total=3, rejected=2, errors=errors)
        short = {**tenant.jobs[job], "errors": errors[:1], "errorsTruncated": True}
        assert tenant.deliver(job, body=short) == 200

    with sync_tenant(script=script) as tenant:
        project = sync_project(tmp_path, tenant.url, maxRejectedPercent=100)
        ran = project.run("run", KEY, "--format", "json").ok()
    report = ran.json["jobs"][0]
    recovery = json.loads((project.root / report["files"]["recovery"]).read_bytes())
    assert [entry["recordId"] for entry in recovery] == ["p-1", "p-2"]
    assert not [text for text in report["messages"] if "named only" in text]


def test_errors_that_stay_shortened_are_told(tmp_path: Path) -> None:
    errors = [{"type": "MALFORMED_RECORD", "recordId": "p-1", "message": "no"}]

    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, "COMPLETED", total=3, rejected=2, errors=errors, errorsTruncated=True)
        assert tenant.deliver(job) == 200

    with sync_tenant(script=script) as tenant:
        ran, _ = run_against(tmp_path, tenant, maxRejectedPercent=100)
    assert "the tenant named only 1 of its errors" in ran.ok().out
