"""``apply`` as people and pipelines meet it."""

from __future__ import annotations

import jsonschema_rs

from reconciler.render.schemas import report_schema
from tests.support.project import Project
from tests.support.tenant_project import dataset


def test_it_asks_and_without_anybody_to_ask_it_refuses(project: Project) -> None:
    ran = project.run("apply").ok(64)
    assert "--yes" in ran.err
    assert "1 to create" in ran.out
    assert project.control("GET", "state")["counts"]["Dataset"] == 0
    assert not (project.state / "journal.ndjson").exists()


def test_text(project: Project) -> None:
    ran = project.apply()
    assert ran.out.startswith("1 to create")
    assert ran.out.rstrip().endswith("1 applied")
    assert "create Dataset/people" in ran.err
    again = project.apply()
    assert again.out.startswith("No changes.")
    assert again.err == ""


def test_json_is_one_event_a_line(project: Project) -> None:
    ran = project.run("apply", "--yes", "--format", "json").ok()
    assert [event["event"] for event in ran.events] == ["result", "report"]
    report = {key: value for key, value in ran.events[-1].items() if key != "event"}
    assert jsonschema_rs.is_valid(report_schema(), report)
    assert [event["event"] for event in project.run("apply", "--yes", "--format", "json").ok().events] == ["report"]


def test_words_that_make_no_sense_together(project: Project) -> None:
    project.run("plan", "--out", "plan.json").ok()
    for arguments in (
        ["plan.json", "--resume"],
        ["plan.json", "--expect", "12345678"],
        ["plan.json", "manifests"],
        ["--resume", "--expect", "12345678"],
        ["--parallelism", "0"],
        ["no-such-file"],
        ["--nonsense"],
    ):
        ran = project.run("apply", "--yes", *arguments).ok(64)
        assert ran.out == ""
        assert ran.err


def test_a_breaking_change_of_a_populated_table(project: Project) -> None:
    project.apply()
    project.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 5}})
    project.put("people.yaml", dataset("people", columns={"id": "string", "age": "date"}))
    for command in (["plan"], ["apply", "--yes"]):
        ran = project.run(*command).ok(6)
        assert "G008" in ran.out
        assert "age" in ran.out
