"""Killed, stopped and locked out: what is on record is right, and going on ends where an undisturbed run does.

Nothing here waits for a time to pass: the tenant holds back the answer to one request, and its log says when that came.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from reconciler.engine.state.file_store import FileStore
from tests.support.emulator import RunningEmulator
from tests.support.tenant_project import ACTIONS, CONNECTORS, DATASETS, Setting, action, connector, dataset, stream

_PATIENCE_SECONDS = 60
_HELD_BACK_SECONDS = 600


@contextmanager
def held_at(setting: Setting, method: str, path: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start an apply and give it when the tenant has the request and does not answer."""
    setting.fault(method, path, delaySeconds=_HELD_BACK_SECONDS)
    mark = setting.mark
    with setting.project.spawn("apply", "--yes", "--parallelism", "1", *arguments) as process:
        try:
            _seen(setting, process, mark, method, path, None)
            yield process
        finally:
            process.kill()
            process.communicate(timeout=_PATIENCE_SECONDS)
            setting.heal()


def _seen(
    setting: Setting, process: subprocess.Popen[str], mark: int, method: str, path: str, status: int | None
) -> None:
    """Come back once the tenant has the request, and has answered it so (None: not yet)."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    start = path.rstrip("*")
    while time.monotonic() < deadline:
        for item in setting.emulator.requests(mark):
            if item["method"] == method and item["path"].startswith(start) and item["status"] == status:
                return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError(f"{method} {path} never came")


def _change_everything(setting: Setting) -> None:
    """From the chain, a next state with every action in it: updates, a move, a rotation, a create and a delete."""
    reference = {"CRM": "${ref:Connector/crm.id}", "KEY": "${secret:env:SECRET_ONE}", "NEW": "1"}
    setting.project.put(
        "all.yaml",
        connector("crm", description="second", lifecycleStatus="INACTIVE"),
        action("enrich", environment=reference),
        stream("calls", "enrich", eventTypes=["chat"]),
        dataset("new"),
    )
    setting.project.environ["SECRET_ONE"] = "second-secret-value"


@pytest.fixture(scope="module")
def undisturbed(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tenant and ledger are after each apply, with nothing in the way."""
    setting = Setting.make(tmp_path_factory.mktemp("undisturbed"), emulator)
    setting.chain()
    setting.project.apply()
    created = setting.tenant(), setting.ledger()
    _change_everything(setting)
    setting.project.apply("--prune")
    return {"create": created, "change": (setting.tenant(), setting.ledger())}


POINTS = [
    ("POST", f"{ACTIONS}*", "create"),
    ("PATCH", f"{CONNECTORS}/*", "create"),
    ("PATCH", f"{ACTIONS}/*", "change"),
    ("DELETE", f"{DATASETS}/*", "change"),
]
"""Where the run is killed: between changes, between the two steps of one, at a patch, at a delete."""


@pytest.mark.parametrize("arrived", [False, True], ids=["never-arrived", "carried-out"])
@pytest.mark.parametrize(("method", "path", "phase"), POINTS)
def test_killed_and_resumed(
    setting: Setting, undisturbed: dict[str, Any], method: str, path: str, phase: str, arrived: bool
) -> None:
    """SIGKILL while a request is out, which the tenant carried out or never did."""
    setting.chain()
    if phase == "change":
        setting.project.apply()
        _change_everything(setting)
    if arrived:
        setting.fault(method, path, 1, drop="after")
    with held_at(setting, method, path, *(["--prune"] if phase == "change" else [])) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait(_PATIENCE_SECONDS) == -signal.SIGKILL
    refused = setting.project.run("apply", "--yes").ok(1)
    assert "error[L005]" in refused.err
    assert "apply --resume" in refused.err
    assert setting.project.run("ledger", "verify").ok(1)
    assert "an earlier apply was interrupted" in setting.project.run("plan").out
    assert "an earlier apply was interrupted" in setting.project.run("drift").err
    setting.project.put("all.yaml", dataset("unreviewed"))
    setting.project.run("apply", "--resume").ok()
    assert (setting.tenant(), setting.ledger()) == undisturbed[phase]
    assert "Nothing to apply" in setting.project.run("apply", "--resume").ok().all
    setting.project.run("ledger", "verify").ok()
    assert "interrupted" not in setting.project.run("plan").all + setting.project.run("drift").all
    (_change_everything if phase == "change" else Setting.chain)(setting)
    setting.project.converged()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_finish_what_is_in_flight(
    setting: Setting, undisturbed: dict[str, Any], number: int, code: int
) -> None:
    """The tenant says "not now" until the signal was sent; the change in hand ends with both of its steps, the rest waits."""
    setting.chain()
    setting.fault("POST", CONNECTORS, status=503, headers={"Retry-After": "0"})
    mark = setting.mark
    with setting.project.spawn("apply", "--yes", "--parallelism", "1", "--format", "json") as process:
        _seen(setting, process, mark, "POST", CONNECTORS, 503)
        process.send_signal(number)
        setting.heal()
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == code, err
    report = json.loads(out.splitlines()[-1])
    assert report["verdict"] == "interrupted"
    outcomes = {item["key"]: item["outcome"] for item in report["results"]}
    assert outcomes.pop("Connector/crm") == "applied"
    assert set(outcomes.values()) == {"skipped"}
    assert set(setting.project.entries) == {"Connector/crm"}
    assert setting.live("Connector")["crm"]["lifecycleStatus"] == "ACTIVE"
    setting.project.run("apply", "--yes").ok(1)
    resumed = setting.project.run("apply", "--resume", "--format", "json").ok()
    assert [item["event"] for item in (resumed.events[0], resumed.events[-1])] == ["plan", "report"]
    assert resumed.events[0]["changes"] == json.loads(out.splitlines()[0])["changes"]
    assert (setting.tenant(), setting.ledger()) == undisturbed["create"]


def test_a_second_signal_waits_for_nothing_and_says_how_to_go_on(setting: Setting, undisturbed: dict[str, Any]) -> None:
    """Two of one kind that come together are one: these are of two kinds, and of the two the lower is handled first."""
    setting.chain()
    with held_at(setting, "POST", CONNECTORS) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "error[X003]: asked to stop a second time" in err
    assert "apply --resume" in err
    assert "Traceback" not in err + out
    setting.project.run("apply", "--yes").ok(1)
    setting.project.run("apply", "--resume").ok()
    assert (setting.tenant(), setting.ledger()) == undisturbed["create"]


def test_a_second_apply_is_told_who_holds_the_ledger(setting: Setting) -> None:
    setting.chain()
    with held_at(setting, "POST", CONNECTORS):
        ran = setting.project.run("apply", "--yes").ok(1)
        assert "error[L002]" in ran.err
        assert "@" in ran.err
        assert "(apply)" in ran.err
        assert setting.project.run("adopt", "Dataset/beside").ok(1).err.startswith("error[L002]")
        assert setting.project.run("plan").code in (0, 6)
        assert "held by" in setting.project.run("ledger", "unlock").ok(64).out
    setting.project.run("apply", "--resume").ok()


def test_a_frozen_ledger_refuses_writers_until_it_is_unlocked(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("people"))
    project.run("ledger", "lock", "--purpose", "migration tonight").ok()
    for arguments in (["apply", "--yes"], ["adopt", "Dataset/people"], ["forget", "Dataset/people"]):
        ran = project.run(*arguments).ok(1)
        assert "error[L002]" in ran.err
        assert "migration tonight" in ran.err
    project.run("plan").ok()
    assert setting.writes() == []
    assert "migration tonight" in project.run("ledger", "unlock").ok().out
    project.apply()


def test_two_first_applies_one_after_the_other_agree_on_the_secrets(setting: Setting) -> None:
    """The second was started before there was a ledger, and waits: nothing must look rotated to it."""
    setting.project.put("all.yaml", connector("crm"))
    store = FileStore(setting.project.state)
    with store.lease("somebody@else", "something", 0):
        process = setting.project.spawn("apply", "--yes", "--lock-timeout", "60")
        mark = setting.mark
    with process:
        process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 0
    assert mark >= 0
    setting.project.converged()


def test_a_disk_that_fails_in_the_middle_ends_in_one_message(setting: Setting) -> None:
    """The journal can't be written any more once a request is out: nothing further is sent, and nobody sees a traceback."""
    setting.chain()
    setting.fault("POST", CONNECTORS, status=503, headers={"Retry-After": "0"})
    mark = setting.mark
    journal = setting.project.state / "journal.ndjson"
    kept = journal.with_suffix(".kept")
    with setting.project.spawn("apply", "--yes", "--parallelism", "1") as process:
        _seen(setting, process, mark, "POST", CONNECTORS, 503)
        journal.rename(kept)
        journal.mkdir()
        setting.heal()
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "unknown  create Connector/crm: cannot write .reconciler/local/journal.ndjson: Is a directory [X001]" in out
    assert "then `reconciler apply --resume`" in out
    assert "Traceback" not in err
    assert [line for line in setting.writes(mark) if not line.startswith(f"POST {CONNECTORS}")] == []
    journal.rmdir()
    kept.rename(journal)
    setting.project.run("apply", "--resume").ok()
    setting.project.converged()
