"""Requests that are refused, storms, and what a failure takes with it: exit codes, the account, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cxone.client import Client
from reconciler.cxone.settings import TargetApi
from reconciler.emulator import Client as EmulatorClient
from tests.support.emulator import running_emulator
from tests.support.tenant_project import ACTIONS, CONNECTORS, DATASETS, STREAMS, Setting, connector, dataset


def test_a_failure_skips_what_depends_on_it_and_nothing_else(setting: Setting) -> None:
    setting.chain()
    setting.fault("POST", ACTIONS, status=400)
    ran = setting.project.run("apply", "--yes", "--format", "json").ok(4)
    report = ran.events[-1]
    outcomes = {item["key"]: (item["outcome"], item["because"]) for item in report["results"]}
    assert outcomes == {
        "Connector/crm": ("applied", None),
        "DataAction/enrich": ("failed", None),
        "EventStream/calls": ("skipped", "DataAction/enrich"),
        "Dataset/beside": ("applied", None),
    }
    assert report["verdict"] == "partial"
    assert set(setting.project.entries) == {"Connector/crm", "Dataset/beside"}
    text = setting.project.run("apply", "--yes").ok(1)
    assert "DataAction/enrich" in text.err
    assert "waits for DataAction/enrich" in text.out
    setting.heal()
    setting.project.apply()
    setting.project.converged()


def test_all_failed_is_an_error(setting: Setting) -> None:
    setting.chain()
    setting.fault("POST", "/api/v2/*", status=422)
    ran = setting.project.run("apply", "--yes", "--format", "json").ok(1)
    assert ran.events[-1]["verdict"] == "failed"
    assert setting.project.entries == {}
    setting.heal()
    setting.project.apply()


def test_a_storm_passes(setting: Setting) -> None:
    """Not now, it says again and again; the limiter slows down and everything arrives once."""
    setting.chain()
    setting.fault("POST", "/api/v2/*", 2, status=429, headers={"Retry-After": "0"})
    setting.fault("*", f"{CONNECTORS}*", 2, status=503, headers={"Retry-After": "0"})
    setting.fault("GET", f"{STREAMS}*", 1, status=502)
    setting.project.apply()
    setting.heal()
    assert {kind: list(items) for kind, items in setting.tenant().items()} == {
        "Connector": ["crm"],
        "DataAction": ["enrich"],
        "DataExtension": [],
        "Dataset": ["beside"],
        "EventStream": ["calls"],
    }
    setting.project.converged()


def test_a_listing_that_fails_makes_no_plan(setting: Setting) -> None:
    setting.chain()
    setting.fault("GET", STREAMS, status=400)
    for arguments in (["plan"], ["apply", "--yes"], ["drift"]):
        ran = setting.project.run(*arguments).ok(1)
        assert ran.out == ""
        assert STREAMS in ran.err
        assert "error[H" in ran.err
    assert setting.writes() == []


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--yes"], ["drift"]])
def test_credentials_that_are_refused(setting: Setting, arguments: list[str]) -> None:
    setting.chain()
    ran = setting.project.run(*arguments, TEST_CLIENT_SECRET="wrong-secret-value").ok(3)
    assert "error[A001]" in ran.err
    assert ran.out == ""
    assert "wrong-secret-value" not in ran.all


def test_credentials_that_end_half_way(setting: Setting) -> None:
    """The token is taken back after the plan; nothing was applied: 3, and the next apply just begins anew."""
    setting.project.put("all.yaml", dataset("people"))
    setting.fault("POST", DATASETS, status=401)
    ran = setting.project.run("apply", "--yes", "--format", "json").ok(3)
    assert ran.events[-1]["verdict"] == "denied"
    assert ran.events[-1]["results"][0]["code"] == "A001"
    setting.heal()
    setting.project.apply()
    setting.project.converged()


def test_a_scope_that_is_missing_is_named(tmp_path: Path) -> None:
    """Reading is allowed, writing connectors is not: the plan is shown, and apply says which scope it lacks."""
    scopes = frozenset({"crm:connectors:read", "data-actions:read", "data-actions:write"})
    with running_emulator(clients=(EmulatorClient("local", "local-secret", scopes),)) as emulator:
        setting = Setting.make(tmp_path, emulator)
        setting.project.put("all.yaml", connector("crm"), dataset("people"))
        setting.project.run("plan").ok()
        ran = setting.project.run("apply", "--yes").ok(3)
        assert "crm:connectors:write" in ran.err
        doctor = setting.project.run("doctor").ok(1)
        assert "crm:connectors:write" in doctor.out


def test_a_refusal_of_one_write_names_the_scope(setting: Setting) -> None:
    setting.project.put("all.yaml", connector("crm"))
    setting.fault("POST", CONNECTORS, status=403)
    ran = setting.project.run("apply", "--yes", "--format", "json").ok(3)
    result = ran.events[-1]["results"][0]
    assert (result["outcome"], result["code"]) == ("failed", "A002")
    assert "crm:connectors:write" in result["message"] + result["fix"]


def test_a_guard_stops_everything(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", *(dataset(f"d{number}") for number in range(7)))
    project.apply()
    project.put("all.yaml", dataset("d0", description="second"))
    mark = setting.mark
    for arguments in (["plan", "--prune"], ["apply", "--yes", "--prune"]):
        ran = project.run(*arguments).ok(6)
        assert "G001" in ran.out
    assert setting.writes(mark) == []
    ran = project.run("apply", "--yes", "--prune", "--format", "json").ok(6)
    assert all(isinstance(event["event"], str) for event in ran.events), "one event a line"
    project.run("apply", "--yes", "--prune", "--allow", "G001=5").ok(6)
    project.apply("--prune", "--allow", "G001=6")
    assert list(setting.live("Dataset")) == ["d0"]


def test_what_reads_back_otherwise_is_reported(setting: Setting) -> None:
    """The tenant says yes and keeps something else: somebody edits between the write and the reading back."""
    project = setting.project
    project.put("all.yaml", dataset("people"))
    project.apply()
    project.put("all.yaml", dataset("people", description="second"))
    setting.fault("GET", f"{DATASETS}/*", status=400)
    ran = project.run("apply", "--yes", "--format", "json").ok(4)
    report = ran.events[-1]
    assert [item["key"] for item in report["diverged"]] == ["Dataset/people"]
    assert report["results"][0]["outcome"] == "applied"
    assert report["verdict"] == "partial"
    setting.heal()
    project.converged()


def test_what_is_deleted_and_stays_is_reported_and_stays_ours(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tenant says yes to a delete and keeps the resource; the next plan deletes it again."""
    project = setting.project
    project.put("all.yaml", dataset("people"), dataset("places"))
    project.apply()
    project.put("all.yaml", dataset("places"))

    async def keep(self: Client, kind: Any, id: str, *, pin: Any, **_: Any) -> None:  # noqa: A002
        assert pin.value

    with monkeypatch.context() as patched:
        patched.setattr(Client, "delete", keep)
        ran = project.run("apply", "--yes", "--prune", "--format", "json").ok(4)
    report = ran.events[-1]
    assert [(item["key"], item["message"]) for item in report["diverged"]] == [
        ("Dataset/people", "is still there, though the tenant confirmed that it was deleted")
    ]
    assert set(project.entries) == {"Dataset/people", "Dataset/places"}
    ran = project.run("apply", "--yes", "--prune", "--format", "json").ok()
    assert [item["key"] for item in ran.events[-1]["results"]] == ["Dataset/people"]
    assert ran.events[-1]["diverged"] == []
    assert list(setting.live("Dataset")) == ["places"]


def test_losing_the_credentials_before_reading_back_loses_no_account(setting: Setting) -> None:
    setting.project.put("all.yaml", dataset("people"))
    setting.fault("GET", f"{DATASETS}/*", status=403)
    ran = setting.project.run("apply", "--yes", "--format", "json").ok(4)
    assert ran.events[-1]["results"][0]["outcome"] == "applied"
    assert "could not be read back" in ran.events[-1]["diverged"][0]["message"]
    assert "Dataset/people" in setting.project.entries


def test_an_option_that_makes_no_sense_is_refused_before_anything_is_sent(setting: Setting) -> None:
    setting.project.put("all.yaml", dataset("people"))
    setting.project.run("apply", "--yes", "--report", "nonsense=x.md").ok(64)
    assert setting.writes() == []
    assert setting.live("Dataset") == {}


def test_a_full_disk_ends_in_one_message(setting: Setting, tmp_path: Path) -> None:
    """The journal can't be written: nothing is sent, and nobody sees a traceback."""
    setting.project.put("all.yaml", dataset("people"))
    setting.project.apply()
    setting.project.put("all.yaml", dataset("people", description="second"))
    journal = setting.project.state / "journal.ndjson"
    journal.unlink()
    journal.mkdir()
    mark = setting.mark
    ran = setting.project.run("apply", "--yes").ok(1)
    assert "error[X001]" in ran.err
    assert setting.writes(mark) == []


def test_the_report_file_is_the_one_that_show_reads(setting: Setting) -> None:
    setting.project.put("all.yaml", dataset("people"))
    ran = setting.project.run("apply", "--yes", "--report", "json=report.json", "--format", "json").ok()
    saved = json.loads((setting.project.root / "report.json").read_bytes())
    assert {"event": "report", **saved} == ran.events[-1]
    assert "1 applied" in setting.project.run("show", "report.json").ok().out


@pytest.mark.parametrize(("limits", "expected"), [({}, 30), ({"maxConcurrency": 3}, 3)])
def test_parallelism_is_not_held_back_by_what_is_usual_but_by_the_target(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], expected: int
) -> None:
    seen: list[int] = []

    class Watched(Client):
        def __init__(self, api: TargetApi, *others: Any, **options: Any) -> None:
            seen.append(api.max_concurrency)
            super().__init__(api, *others, **options)

    monkeypatch.setattr("reconciler.engine.tenant.Client", Watched)
    setting.chain()
    file = setting.project.root / "reconciler.yaml"
    project = json.loads(file.read_text(encoding="utf-8"))
    project["spec"]["targets"]["local"]["limits"] = limits
    file.write_text(json.dumps(project), encoding="utf-8")
    setting.project.run("apply", "--yes", "--parallelism", "30").ok()
    assert seen == [expected]
