"""``apply`` as people and pipelines meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from reconciler.render.schemas import events_schema, plan_schema, report_schema
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
    assert [event["event"] for event in ran.events] == ["plan", "result", "report"]
    validator = jsonschema_rs.validator_for(events_schema())
    assert [validator.is_valid(event) for event in ran.events] == [True] * 3
    assert not validator.is_valid({**ran.events[0], "event": "report"})
    parts = [{key: value for key, value in event.items() if key != "event"} for event in ran.events]
    assert jsonschema_rs.is_valid(plan_schema(), parts[0])
    assert jsonschema_rs.is_valid(report_schema(), parts[2])
    again = project.run("apply", "--yes", "--format", "json").ok()
    assert [event["event"] for event in again.events] == ["plan", "report"]


def test_the_plan_is_the_first_event_however_it_came(project: Project) -> None:
    project.run("plan", "--out", "plan.json").ok()
    saved = json.loads((project.root / "plan.json").read_text("utf-8"))
    refused = project.run("apply", "--format", "json").ok(64)
    assert [event["event"] for event in refused.events] == ["plan"]
    ran = project.run("apply", "plan.json", "--format", "json").ok()
    assert ran.events[0] == {"event": "plan", **saved}


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


def test_reports_are_written_in_each_format(project: Project) -> None:
    project.apply("--report", "json=report.json", "--report", "markdown=report.md")
    data = json.loads((project.root / "report.json").read_bytes())
    assert jsonschema_rs.is_valid(report_schema(), data)
    text = (project.root / "report.md").read_text(encoding="utf-8")
    assert "1 applied" in text
    assert project.run("show", "report.json", "--format", "markdown").ok().out == text


def test_a_report_that_could_not_be_written_is_refused_before_anything_is_sent(project: Project) -> None:
    for report in ("json=nowhere/report.json", "json=manifests", "pdf=report.pdf", "json=", "report.json"):
        ran = project.run("apply", "--yes", "--report", report).ok(64)
        assert f"--report {report}" in ran.err
    assert project.control("GET", "state")["counts"]["Dataset"] == 0


def test_who_holds_the_lock_is_said_and_nothing_is_sent(project: Project) -> None:
    project.state.mkdir(parents=True, exist_ok=True)
    holder = """
import sys
from pathlib import Path
from pathlib import Path
from reconciler.engine.state.store import open_store
with open_store("file:.reconciler/local/", Path.cwd(), "local").lease("anna@laptop", "apply of 7 changes", 0):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder], cwd=project.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        for command in (["apply", "--yes"], ["apply", "--yes", "--lock-timeout", "0.01"]):
            ran = project.run(*command).ok(1)
            for part in ("L002", "anna@laptop", "apply of 7 changes", "--lock-timeout"):
                assert part in ran.err
        process.communicate("")
    assert project.control("GET", "state")["counts"]["Dataset"] == 0
    project.apply("--lock-timeout", "5")
    project.run("apply", "--lock-timeout", "-1").ok(64)


def _populated(project: Project) -> None:
    """Two tables that were applied, one of which holds records and lost its manifest."""
    project.put("places.yaml", dataset("places"))
    project.apply()
    project.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 5}})
    project.put("people.yaml", "")


def test_a_table_that_holds_records_is_not_deleted_unless_it_is_named(project: Project) -> None:
    _populated(project)
    project.run("plan").ok()
    for arguments in (["plan", "--prune"], ["apply", "--yes", "--prune"]):
        ran = project.run(*arguments).ok(6)
        assert "Dataset/people holds 5 records, which would be deleted with it" in ran.out
        assert "--allow G017:Dataset/people" in ran.out
    assert project.control("GET", "state")["counts"]["Dataset"] == 2
    assert "--allow G017:Kind/name" in project.run("plan", "--prune", "--allow", "G017").ok(64).err
    project.run("plan", "--prune", "--allow", "G017:Dataset/places").ok(6)
    ran = project.apply("--prune", "--allow", "G017:Dataset/people", "-v")
    assert "(with its records)" in ran.out
    assert "?force=true" in ran.err
    assert project.control("GET", "state")["counts"]["Dataset"] == 1
    project.converged()


def test_a_saved_plan_says_that_records_go(project: Project) -> None:
    _populated(project)
    project.run("plan", "--prune", "--allow", "G017:Dataset/people", "--out", "plan.json").ok()
    saved = json.loads((project.root / "plan.json").read_text("utf-8"))
    assert [change["steps"] for change in saved["changes"]] == [[{"operation": "delete", "body": {"force": True}}]]
    project.run("apply", "plan.json").ok()
    assert list(project.entries) == ["Dataset/places"]


def test_an_empty_table_is_deleted_without_force_and_the_tenant_has_the_last_word(project: Project) -> None:
    """Records that arrive after planning do not touch the ETag: without force the tenant refuses, and nothing is lost."""
    project.apply()
    project.put("people.yaml", "")
    project.run("plan", "--prune", "--allow", "G005", "--out", "plan.json").ok()
    project.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"recordCount": 5}})
    ran = project.run("apply", "plan.json", "-v").ok(1)
    assert "force" not in ran.err.replace("with ?force=true", "")
    assert project.control("GET", "state")["counts"]["Dataset"] == 1


@pytest.mark.parametrize(
    ("pagination", "concurrency"), [("page", "etag"), ("offset", "version"), ("token", "compare"), ("page", "version")]
)
def test_the_embedded_tenant_speaks_as_its_target_says(tmp_path: Path, pagination: str, concurrency: str) -> None:
    api = {"pagination": {"style": pagination}, "concurrency": {"style": concurrency}}
    project = Project.create(tmp_path, target={"api": api})
    project.put("people.yaml", dataset("people"))
    project.apply()
    project.put("people.yaml", dataset("people", description="second"))
    ran = project.run("plan", "-v").ok()
    assert ("best effort" in ran.out) == (concurrency != "etag")
    assert {"page": "?page=1", "offset": "?skip=0", "token": "?pageSize="}[pagination] in ran.err
    project.apply()
    project.run("plan", "--detailed-exitcode").ok(0)
