"""The tenant moves between plan and write: nothing is overwritten unseen, and nothing is retried blindly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.emulator import running_emulator
from tests.support.tenant_project import DATASETS, Setting, dataset

BODY = {"name": "orders", "primaryKey": "id", "columns": {"id": "string"}, "description": "somebody else's"}


def _saved_update(setting: Setting) -> None:
    """Two tables that are live, and a saved plan that changes both."""
    project = setting.project
    project.put("all.yaml", dataset("orders"), dataset("people"))
    project.apply()
    project.put("all.yaml", dataset("orders", description="second"), dataset("people", description="second"))
    project.run("plan", "--out", "plan.json").ok()


def test_a_saved_plan_is_not_begun_once_any_part_of_it_moved(setting: Setting) -> None:
    _saved_update(setting)
    setting.edit("Dataset", "people", description="console")
    mark = setting.mark
    ran = setting.project.run("apply", "plan.json").ok(5)
    assert "S001" in ran.err
    assert "Dataset/people" in ran.err
    assert setting.writes(mark) == []
    assert setting.live("Dataset")["orders"]["description"] == "first"
    setting.project.apply()
    setting.project.converged()


def test_what_moved_is_left_alone_and_the_rest_applied(setting: Setting) -> None:
    """Re-planning finds another change than the reviewed one (a conflict now): stale; the other table is applied."""
    _saved_update(setting)
    setting.edit("Dataset", "people", description="console")
    ran = setting.project.run("apply", "plan.json", "--on-stale", "replan", "--format", "json").ok(4)
    results = {item["key"]: item for item in ran.events if item["event"] == "result"}
    assert results["Dataset/orders"]["outcome"] == "applied"
    assert results["Dataset/people"]["outcome"] == "stale"
    assert results["Dataset/people"]["code"] == "S001"
    assert results["Dataset/people"]["fix"]
    assert "description: reviewed first → second, now console → second" in results["Dataset/people"]["message"]
    assert "by maria@console at " in results["Dataset/people"]["message"]
    assert {name: item["description"] for name, item in setting.live("Dataset").items()} == {
        "orders": "second",
        "people": "console",
    }
    plan = setting.project.plan()
    assert [item["key"] for item in plan["changes"]] == ["Dataset/people"]
    setting.project.apply()
    setting.project.converged()


def test_replan_goes_on_where_the_reviewed_change_is_still_the_same(setting: Setting) -> None:
    """Somebody adds what no manifest declares: with the new pin, the very same change is sent once more."""
    project = setting.project
    spec = dataset("orders")
    del spec["spec"]["description"]
    project.put("all.yaml", spec)
    project.apply()
    spec["spec"]["columns"]["extra"] = "date"
    project.put("all.yaml", spec)
    project.run("plan", "--out", "plan.json").ok()
    setting.edit("Dataset", "orders", description="console")
    project.run("apply", "plan.json").ok(5)
    mark = setting.mark
    project.run("apply", "plan.json", "--on-stale", "replan").ok()
    live = setting.live("Dataset")["orders"]
    assert set(live["columns"]) == {"id", "age", "extra"}
    assert live["description"] == "console"
    assert len(setting.writes(mark)) == 2
    project.converged()


def test_a_name_taken_since_the_plan_is_stale_and_never_adopted(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("orders"))
    project.run("plan", "--out", "plan.json").ok()
    there = setting.create(DATASETS, BODY)
    project.run("apply", "plan.json").ok(5)
    ran = project.run("apply", "plan.json", "--on-stale", "replan", "--format", "json").ok(5)
    assert ran.events[-1]["verdict"] == "stale"
    assert setting.live("Dataset")["orders"]["description"] == "somebody else's"
    assert project.entries == {}
    assert there["id"] not in json.dumps(project.entries)


def test_a_delete_of_what_moved_is_stale(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("orders"), dataset("people"))
    project.apply()
    project.put("all.yaml", dataset("people"))
    project.run("plan", "--prune", "--out", "plan.json").ok()
    setting.edit("Dataset", "orders", description="somebody needs it")
    for extra in ((), ("--on-stale", "replan")):
        project.run("apply", "plan.json", *extra).ok(5)
    assert "orders" in setting.live("Dataset")
    assert set(project.entries) == {"Dataset/orders", "Dataset/people"}


def test_what_is_gone_already_counts_as_deleted(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("orders"), dataset("people"))
    project.apply()
    project.put("all.yaml", dataset("people"))
    project.run("plan", "--prune", "--out", "plan.json").ok()
    setting.remove("Dataset", "orders")
    project.run("apply", "plan.json").ok()
    assert set(project.entries) == {"Dataset/people"}


@pytest.mark.parametrize(("serves", "style"), [("version", "version"), ("none", "compare")])
def test_without_etags_the_tenant_is_compared_before_each_write(serves: str, style: str, tmp_path: Path) -> None:
    """Best effort is still an effort: a digest taken just before the write finds what moved since planning."""
    with running_emulator(concurrency=serves) as emulator:
        setting = Setting.make(tmp_path, emulator, target={"api": {"concurrency": {"style": style}}})
        _saved_update(setting)
        setting.edit("Dataset", "people", description="console")
        setting.project.run("apply", "plan.json").ok(5)
        setting.project.run("apply", "plan.json", "--on-stale", "replan").ok(4)
        assert setting.live("Dataset")["people"]["description"] == "console"
        assert setting.live("Dataset")["orders"]["description"] == "second"


def test_counters_that_move_by_themselves_make_nothing_stale(setting: Setting) -> None:
    _saved_update(setting)
    setting.edit("Dataset", "people", recordCount=4000)
    setting.project.run("apply", "plan.json").ok()
    assert setting.live("Dataset")["people"]["description"] == "second"
