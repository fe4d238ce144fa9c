"""Having a connector synchronise: over a real port, with failures, interruptions and answers that get lost."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from reconciler.jobs.connector_sync import read_state
from reconciler.jobs.tenant_sync import pause
from tests.support.emulator import RunningEmulator
from tests.support.ingestion import report_of
from tests.support.project import Ran, manifest
from tests.support.tenant_project import Setting, connector

_PATIENCE_SECONDS = 60
QUICK = {"baseDelaySeconds": 0.01, "capSeconds": 0.02, "attempts": 5000}


@pytest.fixture
def setting(emulator: RunningEmulator, tmp_path: Path) -> Setting:
    made = Setting.make(tmp_path / "project", emulator)
    made.project.put("crm.yaml", connector("crm", lifecycleStatus="ACTIVE"))
    _declare(made)
    made.project.apply()
    return made


def _declare(setting: Setting, **poll: Any) -> None:
    setting.project.put(
        "jobs.yaml",
        manifest("ConnectorSync", "hourly", {"connectorRef": "crm", "syncType": "FULL", "poll": {**QUICK, **poll}}),
    )


def _run(setting: Setting, *options: str, code: int = 0) -> dict[str, Any]:
    return report_of(setting.project.run("run", "ConnectorSync/hourly", "--format", "json", *options).ok(code))


def _triggers(setting: Setting, since: int = 0) -> int:
    return sum(item["method"] == "POST" and item["path"].endswith("/sync") for item in setting.emulator.requests(since))


def _finish(setting: Setting) -> None:
    """Let every synchronisation of the tenant come to its end at once."""
    setting.emulator.control("POST", "clock", {"advanceSeconds": 60})


def test_it_starts_one_and_waits_for_the_result(setting: Setting) -> None:
    report = _run(setting)
    assert report["verdict"] == "done"
    assert report["account"]["read"] == report["account"]["accepted"] > 0
    assert "COMPLETED" in report["messages"][0]
    assert _triggers(setting) == 1
    records = setting.project.run("audit", "--format", "json").ok().events
    actions = [item["action"] for item in records if item["action"].startswith("connector_sync")]
    assert actions == ["connector_sync_started", "connector_sync_ended"]
    setting.project.run("audit", "--verify").ok()


def test_a_failed_one_shows_what_the_tenant_says(setting: Setting) -> None:
    setting.fault("POST", "*/sync", times=1, failSync="the CRM refused the credentials")
    report = _run(setting, code=1)
    assert report["error"]["code"] == "J001"
    assert "the CRM refused the credentials" in report["error"]["message"]
    assert _run(setting, "--resume")["messages"] == ["nothing to resume: no synchronisation is on record"]


def test_questions_are_used_up_and_resume_asks_on(setting: Setting) -> None:
    _declare(setting, attempts=1)
    report = _run(setting, code=1)
    assert (report["error"]["code"], "--resume" in report["error"]["fix"]) == ("J001", True)
    _finish(setting)
    assert _run(setting, "--resume")["verdict"] == "done"
    assert _triggers(setting) == 1


def test_a_lost_answer_starts_no_second_one(setting: Setting) -> None:
    setting.fault("POST", "*/sync", times=2, drop="after")
    mark = setting.mark
    assert _run(setting)["verdict"] == "done"
    assert _triggers(setting, mark) == 3
    _run(setting)
    asked = [item["path"] for item in setting.emulator.requests(mark) if "/sync/" in item["path"]]
    first, second = sorted({path.rpartition("sg")[2] for path in asked})
    assert int(second) == int(first) + 1


def test_a_connector_that_is_not_active(setting: Setting) -> None:
    setting.edit("Connector", "crm", lifecycleStatus="INACTIVE")
    report = _run(setting, code=1)
    assert "lifecycleStatus: ACTIVE" in report["error"]["fix"]
    assert _run(setting, "--resume")["messages"] == ["nothing to resume: no synchronisation is on record"]


def test_a_connector_that_is_not_there_yet(emulator: RunningEmulator, tmp_path: Path) -> None:
    made = Setting.make(tmp_path / "project", emulator)
    made.project.put("crm.yaml", connector("crm", lifecycleStatus="ACTIVE"))
    _declare(made)
    report = _run(made, code=1)
    assert (report["error"]["code"], "reconciler apply" in report["error"]["fix"]) == ("J002", True)


def test_a_server_that_fails_for_a_while_costs_questions_only(setting: Setting) -> None:
    setting.fault("GET", "*/sync/*", times=2, status=500)
    assert _run(setting)["verdict"] == "done"


def _stopped(setting: Setting, number: int) -> Ran:
    """Start the job, and send it a signal once it has asked how things stand."""
    mark = setting.mark
    with setting.project.spawn("run", "ConnectorSync/hourly", "--format", "json") as process:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not any("/sync/" in item["path"] for item in setting.emulator.requests(mark)):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    return Ran(process.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_resume_takes_up_the_one_that_runs(setting: Setting, number: int) -> None:
    _declare(setting, baseDelaySeconds=600, capSeconds=600)
    ran = _stopped(setting, number)
    if number == signal.SIGKILL:
        assert ran.code == -signal.SIGKILL
    else:
        assert report_of(ran.ok(128 + number))["verdict"] == "interrupted"
    _finish(setting)
    assert _run(setting, "--resume")["verdict"] == "done"
    assert _triggers(setting) == 1


def test_killed_before_the_answer_resume_repeats_the_same_request(setting: Setting) -> None:
    setting.fault("POST", "*/sync", delaySeconds=600)
    mark = setting.mark
    with setting.project.spawn("run", "ConnectorSync/hourly") as process:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _triggers(setting, mark):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate(timeout=_PATIENCE_SECONDS)
    setting.heal()
    assert _run(setting, "--resume")["verdict"] == "done"


def test_without_resume_a_new_one_is_started_and_the_old_one_is_named(setting: Setting) -> None:
    _declare(setting, attempts=1)
    _run(setting, code=1)
    _declare(setting)
    ran = setting.project.run("run", "ConnectorSync/hourly").ok()
    assert "--resume would have" in ran.err
    assert _triggers(setting) == 2


def test_pauses_grow_and_are_capped() -> None:
    assert [pause(number, 2, 30, 0) for number in range(6)] == [2, 4, 8, 16, 30, 30]
    assert pause(0, 2, 30, 0.5) == 2.5
    assert pause(10_000, 2, 30, 0.99) == 30


@pytest.mark.parametrize("value", [None, [], {}, {"status": "DONE"}, {"status": "RUNNING", "recordsProcessed": "7"}])
def test_a_status_that_is_none(value: Any) -> None:
    with pytest.raises(ValueError):
        read_state(value)
