"""Who owns what: a ledger that is lost, adoption, forgetting, moves, protection, retention, and narrowed runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import running_emulator
from tests.support.tenant_project import DATASETS, Setting, action, connector, dataset, stream

THERE = {"name": "people", "primaryKey": "id", "columns": {"id": "string"}, "description": "somebody's"}


def _keys(plan: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["action"] for item in plan["changes"]}


def test_a_lost_ledger_destroys_nothing(setting: Setting) -> None:
    """Everything is found again by its name; nothing is deleted, and no secret is written over."""
    project = setting.project
    project.put("all.yaml", connector("crm"), dataset("people"), dataset("gone"))
    project.apply()
    before = setting.tenant()
    (project.state / "ledger.json").unlink()
    project.put("all.yaml", connector("crm"), dataset("people", description="second"))
    plan = project.plan("--prune", SECRET_ONE="other-secret-value")
    assert _keys(plan) == {"Connector/crm": "adopt", "Dataset/people": "adopt"}
    assert any("--write-secret Connector/crm" in text for text in plan["warnings"])
    project.apply("--prune", SECRET_ONE="other-secret-value")
    after = setting.tenant()
    assert after["Dataset"].pop("people")["description"] == "second"
    assert before["Dataset"].pop("people")["description"] == "first"
    assert after == before
    assert set(project.entries) == {"Connector/crm", "Dataset/people"}
    project.run("plan", "--detailed-exitcode", SECRET_ONE="other-secret-value").ok(0)
    project.apply("--write-secret", "Connector/crm", SECRET_ONE="other-secret-value")
    assert setting.tenant()["Connector"]["crm"]["authentication"]["credentials"]["password"] == "other-secret-value"


def test_somebody_elses_resource_is_refused_until_it_is_adopted(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("ours"))
    project.apply()
    there = setting.create(DATASETS, THERE)
    project.put("all.yaml", dataset("ours"), dataset("people"))
    mark = setting.mark
    for command in (["plan"], ["apply", "--yes"]):
        assert "G011" in project.run(*command).ok(6).out
    assert setting.writes(mark) == []
    assert _keys(project.plan("--adopt", "Dataset/people")) == {"Dataset/people": "adopt"}
    project.apply("--adopt", "Dataset/people")
    assert setting.live("Dataset")["people"]["id"] == there["id"]
    assert setting.live("Dataset")["people"]["description"] == "first"
    project.converged()


def test_adopt_touches_nothing_and_forget_leaves_it(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("ours"))
    project.apply()
    there = setting.create(DATASETS, {**THERE, "name": "elsewhere"})
    project.put("all.yaml", dataset("ours"), dataset("people"))
    mark = setting.mark
    assert project.run("adopt", "Dataset/people").ok(1).err.startswith("error[H004]")
    assert "declares" in project.run("adopt", "Dataset/peple").ok(64).err
    ran = project.run("adopt", "Dataset/people", "--id", there["id"]).ok()
    assert (ran.out, there["id"] in ran.err) == ("", True)
    assert project.run("drift").ok(0)
    changes = {item["key"]: item for item in project.plan()["changes"]}
    assert [field["label"] for field in changes["Dataset/people"]["fields"]] == ["columns.age", "description", "name"]
    assert project.run("adopt", "Dataset/people", "--id", there["id"]).ok(64)
    ran = project.run("forget", "Dataset/people").ok()
    assert (ran.out, there["id"] in ran.err) == ("", True)
    assert project.run("forget", "Dataset/people").ok(64)
    assert setting.writes(mark) == []
    assert set(project.entries) == {"Dataset/ours"}
    assert [item["action"] for item in project.run("audit", "--format", "json").ok().events][-2:] == ["adopt", "forget"]


def test_a_moved_key_changes_the_ledger_only(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("people"))
    project.apply()
    mark = setting.mark
    moved = dataset("persons", name="people", metadata={"movedFrom": "Dataset/people"})
    project.put("all.yaml", moved)
    project.apply("--prune")
    assert setting.writes(mark) == []
    assert set(project.entries) == {"Dataset/persons"}
    project.converged()


def test_protection_and_retention_outlive_their_manifest(setting: Setting) -> None:
    project = setting.project
    protected = dataset("kept", metadata={"lifecycle": {"protect": True}})
    retained = dataset("left", metadata={"lifecycle": {"deletion": "retain"}})
    project.put("all.yaml", protected, retained, dataset("gone"), dataset("stays"))
    project.apply()
    project.put("all.yaml", dataset("stays"))
    plan = project.plan("--prune")
    assert _keys(plan) == {"Dataset/gone": "delete", "Dataset/left": "forget"}
    assert [item["key"] for item in plan["orphans"]] == ["Dataset/kept"]
    project.apply("--prune")
    assert sorted(setting.live("Dataset")) == ["kept", "left", "stays"]
    assert set(project.entries) == {"Dataset/kept", "Dataset/stays"}
    project.apply("--prune", "--allow", "G004:Dataset/kept")
    assert sorted(setting.live("Dataset")) == ["left", "stays"]


@pytest.mark.parametrize(
    "narrowing", [["manifests/a.yaml"], ["--only", "Dataset/a*"], ["--exclude", "Dataset/b"], ["--only", "team=x"]]
)
def test_a_narrowed_run_touches_its_part_and_takes_nothing_away(setting: Setting, narrowing: list[str]) -> None:
    project = setting.project
    labelled = {"labels": {"team": "x"}}
    project.put("a.yaml", dataset("a", metadata=labelled))
    project.put("b.yaml", dataset("b"), dataset("gone"))
    project.apply()
    setting.remove("Dataset", "gone")
    project.put("a.yaml", dataset("a", description="second", metadata=labelled))
    project.put("b.yaml", dataset("b", description="second"))
    plan = project.plan("--prune", *narrowing)
    assert _keys(plan) == {"Dataset/a": "update"}
    assert plan["partial"] is True
    project.apply("--prune", *narrowing)
    live = setting.live("Dataset")
    assert (live["a"]["description"], live["b"]["description"]) == ("second", "first")
    assert set(project.entries) == {"Dataset/a", "Dataset/b", "Dataset/gone"}


def test_selectors_that_match_nothing_are_a_mistake(setting: Setting) -> None:
    setting.project.put("a.yaml", dataset("a"))
    setting.project.run("plan", "--only", "Dataset/nothing").ok(64)
    setting.project.run("plan", "--adopt", "Dataset/nothing").ok(64)
    setting.project.run("plan", "--write-secret", "nonsense").ok(64)
    setting.project.run("plan", "--allow", "G999").ok(64)


def test_lifecycle_moves_the_contract_does_not_know_are_refused_offline(setting: Setting) -> None:
    """From ACTIVE there is no way back to DRAFT: the plan says so, and nothing is sent."""
    project = setting.project
    project.put("all.yaml", connector("crm"))
    project.apply()
    project.put("all.yaml", connector("crm", lifecycleStatus="INACTIVE"))
    project.apply()
    assert setting.live("Connector")["crm"]["lifecycleStatus"] == "INACTIVE"
    project.put("all.yaml", connector("crm", lifecycleStatus="DRAFT"))
    mark = setting.mark
    project.run("plan").ok(6)
    project.apply(code=6)
    assert setting.writes(mark) == []


def test_what_is_gone_is_created_again_and_so_is_what_points_at_it(setting: Setting) -> None:
    """The action vanished, and the stream with it: both are missing, and come back pointing at each other's new ids."""
    project = setting.project
    project.put("all.yaml", action("enrich"), stream("calls", "enrich"))
    project.apply()
    setting.remove("EventStream", "calls")
    setting.remove("DataAction", "enrich")
    drift = project.run("drift").ok(2)
    assert "2 missing" in drift.out
    project.apply()
    assert setting.live("EventStream")["calls"]["actionId"] == setting.live("DataAction")["enrich"]["id"]
    project.converged()


def test_secrets_that_cannot_be_checked(setting: Setting) -> None:
    """Planned where the variable is not set: looked at when applying, and written only where it changed."""
    project = setting.project
    project.put("all.yaml", connector("crm"), dataset("people"))
    project.apply()
    secret = project.environ.pop("SECRET_ONE")
    ran = project.run("plan", "--out", "plan.json", "--detailed-exitcode").ok(0)
    assert "not checked here" in ran.out
    mark = setting.mark
    ran = project.run("apply", "plan.json").ok(0)
    assert "could not be checked" in ran.err
    project.run("apply", "plan.json", SECRET_ONE=secret).ok(0)
    assert setting.writes(mark) == []
    project.run("apply", "plan.json", SECRET_ONE="rotated-secret-value").ok(0)
    assert [line.split()[0] for line in setting.writes(mark)] == ["PATCH"]
    assert setting.tenant()["Connector"]["crm"]["authentication"]["credentials"]["password"] == "rotated-secret-value"
    project.run("plan", "--detailed-exitcode", SECRET_ONE="rotated-secret-value").ok(0)
    project.put("all.yaml", connector("crm"), connector("new"), dataset("people"))
    ran = project.run("apply", "--yes").ok(78)
    assert "env:SECRET_ONE" in ran.err
    assert "new" not in setting.live("Connector")


def test_planning_sends_pages_and_tokens_and_nothing_else(tmp_path: Path) -> None:
    """More applied resources than a page has: two pages, one token. An empty plan writes nothing, whoever asks for it."""
    with running_emulator(page_size=500) as emulator:
        setting = Setting.make(tmp_path, emulator)
        project = setting.project
        project.put("all.yaml", *(dataset(f"d{number:03}") for number in range(501)))
        project.apply("--parallelism", "50")
        ledger = project.ledger
        mark = setting.mark
        for command in (["plan"], ["drift"], ["apply", "--yes"]):
            project.run(*command).ok(0)
            sent = sorted(
                f"{item['method']} {item['path']} {item['query']}"
                for item in emulator.requests(mark)
                if not item["path"].startswith("/_emulator")
            )
            mark = setting.mark
            assert sent == [
                f"GET {DATASETS} page=1&pageSize=500",
                f"GET {DATASETS} page=2&pageSize=500",
                "POST /oauth/token ",
            ]
        assert project.ledger == ledger
        assert json.dumps(ledger["entries"]["Dataset/d500"]["fields"]["description"]) == '"first"'
