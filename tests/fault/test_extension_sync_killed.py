"""An extension sync that is stopped, killed or cut off at any moment is gone on with: one sync in the tenant, never two."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import emulator_process
from tests.support.project import Project
from tests.support.sync_project import KEY, complete, counts, records_of, report_of, stored, sync_project
from tests.support.sync_tenant import SECRET, SyncTenant, body, sync_tenant


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a run: its exit code, and everything it said."""
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def stopped_while_running(project: Project, tenant: SyncTenant, stop: int) -> tuple[int, str]:
    """Begin a run, and send it a signal once the tenant has been asked about the sync that it started."""
    process = project.spawn("run", KEY)
    tenant.wait_for_question(tenant.asked + 1)
    process.send_signal(stop)
    return ended(process)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_running_sync_is_taken_up_at_the_same_addresses(tmp_path: Path, stop: int) -> None:
    fetched: list[Any] = []

    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        code, said = stopped_while_running(project, tenant, stop)
        assert code == (-stop if stop == signal.SIGKILL else 128 + stop)
        if stop != signal.SIGKILL:
            assert "sync_1_xt1 goes on in the tenant" in said
            assert "3 read = 0 accepted + 0 rejected + 0 quarantined + 3 pending" in said
        process = project.spawn("run", KEY, "--resume", "--format", "json")
        tenant.wait_for_question(tenant.asked + 1)
        # The address of the source, and of the webhook, are those that the tenant was given at the start.
        fetched.extend(tenant.fetch("sync_1_xt1"))
        assert tenant.deliver("sync_1_xt1", body=body("sync_1_xt1", "COMPLETED", 3)) == 200
        code, said = ended(process)
    assert code == 0, said
    assert counts(json.loads(said.partition("ExtensionSync/load:")[0])["jobs"][0]) == (3, 3, 0, 0, 0)
    assert [record["id"] for record in fetched] == ["p-1", "p-2", "p-3"]
    assert len(tenant.starts) == 1
    assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out


def test_an_end_that_came_while_nobody_listened_is_found(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        stopped_while_running(project, tenant, signal.SIGKILL)
        tenant.end("sync_1_xt1", total=3)
        assert counts(report_of(project, "--resume")) == (3, 3, 0, 0, 0)
    assert len(tenant.starts) == 1
    assert records_of(project)["sync_1_xt1"]["endedBy"] == "poll"


def test_a_start_whose_answer_never_came_is_asked_for_with_the_same_key(tmp_path: Path) -> None:
    """The process dies between the request and its answer: the key on record brings the sync that was begun."""
    process: list[subprocess.Popen[str]] = []

    def kill(tenant: SyncTenant, job: str) -> None:
        process[0].kill()
        process[0].wait()

    with sync_tenant(before_answer=kill) as tenant:
        project = sync_project(tmp_path, tenant.url)
        process.append(project.spawn("run", KEY))
        ended(process[0])
        tenant.before_answer, tenant.script = None, complete
        tenant.end("sync_1_xt1", total=3)
        assert counts(report_of(project, "--resume")) == (3, 3, 0, 0, 0)
    (first, one), (second, two) = tenant.starts
    assert (first, one) == (second, two)
    assert list(tenant.jobs) == ["sync_1_xt1"]


def test_a_start_that_stays_unanswered_is_gone_on_with_later(tmp_path: Path) -> None:
    with sync_tenant(lose_answers=5) as tenant:
        project = sync_project(tmp_path, tenant.url)
        project.run("run", KEY).ok(1)
        tenant.end("sync_1_xt1", total=3)
        assert counts(report_of(project, "--resume")) == (3, 3, 0, 0, 0)
    assert len({key for key, _ in tenant.starts}) == 1
    assert list(tenant.jobs) == ["sync_1_xt1"]


def test_a_manifest_that_changed_in_between_is_not_sent_under_the_old_key(tmp_path: Path) -> None:
    with sync_tenant(lose_answers=5) as tenant:
        project = sync_project(tmp_path, tenant.url)
        project.run("run", KEY).ok(1)
        tenant.end("sync_1_xt1", total=3)
        sync_project(tmp_path, tenant.url, syncMode="FULL")
        assert "J006" in project.run("run", KEY, "--resume").ok(1).out
    assert len({json.dumps(request) for _, request in tenant.starts}) == 1


def test_a_start_that_the_tenant_cannot_remember_any_more_is_not_repeated(tmp_path: Path) -> None:
    """Idempotency keys are kept for a day (contract: Common rules)."""
    with sync_tenant(lose_answers=5) as tenant:
        project = sync_project(tmp_path, tenant.url)
        project.run("run", KEY).ok(1)
        path = project.state / "jobs" / "ExtensionSync-load" / "run.json"
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps({**record, "initiated_at": record["initiated_at"] - 24 * 3600}))
        before = len(tenant.starts)
        ran = project.run("run", KEY, "--resume").ok(1)
    assert "J006" in ran.out
    assert "more than a day ago" in ran.out
    assert len(tenant.starts) == before


@pytest.mark.parametrize("content", ["{", "[]", '{"begun": 1}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        path = project.state / "jobs" / "ExtensionSync-load" / "run.json"
        path.parent.mkdir(parents=True)
        path.write_text(content)
        assert "run.json is damaged" in project.run("run", KEY, "--resume").ok(1).out
    assert tenant.starts == []


def test_without_resume_a_new_sync_is_begun_and_said_so(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        stopped_while_running(project, tenant, signal.SIGINT)
        tenant.script = complete
        ran = project.run("run", KEY).ok()
    assert "--resume would have done so" in ran.err
    assert list(tenant.jobs) == ["sync_1_xt1", "sync_2_xt1"]


def test_a_dry_run_in_between_leaves_the_sync_in_hand_alone(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        stopped_while_running(project, tenant, signal.SIGINT)
        project.run("run", KEY, "--dry-run").ok()
        project.write("people.csv", "no,header,of,ours\n1,2,3,4\n")
        project.run("run", KEY, "--dry-run").ok(1)
        tenant.end("sync_1_xt1", total=3)
        assert counts(report_of(project, "--resume")) == (3, 3, 0, 0, 0)
    assert len(tenant.starts) == 1


def test_a_port_that_is_taken_on_resume_is_named(tmp_path: Path) -> None:
    import socket

    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        stopped_while_running(project, tenant, signal.SIGKILL)
        port = json.loads((project.state / "jobs/ExtensionSync-load/run.json").read_bytes())["page_port"]
        with socket.create_server(("127.0.0.1", port)):
            ran = project.run("run", KEY, "--resume").ok(1)
        assert f"free port {port}" in ran.out
        tenant.end("sync_1_xt1", total=3)
        project.run("run", KEY, "--resume").ok()


def test_a_second_run_of_the_same_job_is_kept_out(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url)
        process = project.spawn("run", KEY)
        tenant.wait_for_start()
        assert "J003" in project.run("run", KEY).ok(1).out
        tenant.end("sync_1_xt1", total=3)
        assert tenant.deliver("sync_1_xt1") == 200
        assert ended(process)[0] == 0
    assert len(tenant.starts) == 1


def test_nothing_is_told_twice_of_an_end_that_was_cut_off(tmp_path: Path) -> None:
    """The process dies while the tenant takes its health event: the report is made again, the event at most once more."""
    process: list[subprocess.Popen[str]] = []

    class Killing(list[Any]):
        def append(self, event: Any) -> None:
            super().append(event)
            if len(self) == 1:
                process[0].kill()
                process[0].wait()

    with sync_tenant(script=complete) as tenant:
        tenant.health = Killing()
        project = sync_project(tmp_path, tenant.url)
        process.append(project.spawn("run", KEY))
        ended(process[0])
        assert counts(report_of(project, "--resume")) == (3, 3, 0, 0, 0)
    assert len(tenant.starts) == 1
    assert len(tenant.health) == 2
    lines = "".join(path.read_text() for path in project.state.glob("audit*")).splitlines()
    assert sum(json.loads(line)["action"] == "extension_sync_ended" for line in lines) == 1


STEPS: dict[str, Callable[[Project], bool]] = {
    "while it reads": lambda project: (project.state / "jobs/ExtensionSync-load/run.json").exists(),
    "once the pages lie there": lambda project: (project.state / "jobs/ExtensionSync-load/pages.index").exists(),
    "once it is started": lambda project: (project.state / "jobs/ExtensionSync-load/records.json").exists(),
}


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("step", STEPS)
def test_stopped_at_any_step_every_record_arrives_once(tmp_path: Path, step: str, stop: int) -> None:
    """Against the emulator in a process of its own, which goes on with what it was asked for."""
    rows = "".join(f"p-{number},N,{number},,true\n" for number in range(30_000))
    with emulator_process(webhook_secret=SECRET) as emulator:
        people = "id,name,age,since,active\n" + rows
        project = sync_project(tmp_path, emulator.url, people=people, options={"maxBatchSize": 1000})
        project.apply()
        process = project.spawn("run", KEY)
        while not STEPS[step](project) and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(stop)
        code, said = ended(process)
        assert code in (-stop, 128 + stop, 0), said
        if code:
            assert counts(report_of(project, "--resume")) == (30_000, 30_000, 0, 0, 0)
        found = stored(project, emulator)
        starts = [item for item in emulator.requests() if item["method"] == "POST" and item["path"].endswith("/sync")]
    assert len(found) == 30_000
    assert len(records_of(project)) == 1
    assert len(starts) <= 2
