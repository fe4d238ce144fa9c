"""``plan`` as people and pipelines meet it: code, stdout, stderr, files."""

from __future__ import annotations

import json

import jsonschema_rs
import pytest

from reconciler.render.schemas import plan_schema
from tests.support.project import Project
from tests.support.tenant_project import dataset


def test_the_document_is_on_stdout_and_nothing_else(project: Project) -> None:
    ran = project.run("plan").ok()
    assert ran.out.startswith("1 to create, 0 to update, 0 to delete, 0 drifted")
    assert "create Dataset/people" in ran.out
    assert "manifests/people.yaml:1" in ran.out
    assert ran.err == ""
    assert project.run("plan", "-q").ok().out.splitlines()[0] == ran.out.splitlines()[0]


def test_codes(project: Project) -> None:
    project.run("plan", "--detailed-exitcode").ok(2)
    project.apply()
    ran = project.run("plan", "--detailed-exitcode").ok(0)
    assert "0 to create" in ran.out
    project.put("people.yaml", dataset("people", columns={"id": "text"}))
    ran = project.run("plan", "--detailed-exitcode").ok(78)
    assert ran.out == ""
    assert "manifests/people.yaml:1" in ran.err


def test_json_is_one_valid_document(project: Project) -> None:
    ran = project.run("plan", "--format", "json", "-vvv").ok()
    assert jsonschema_rs.is_valid(plan_schema(), ran.json)
    assert ran.err.count("GET ") >= 1


def test_files(project: Project) -> None:
    ran = project.run("plan", "--out", "plan.json", "--report", "markdown=plan.md", "--report", "json=copy.json").ok()
    assert "plan saved to plan.json" in ran.err
    saved = (project.root / "plan.json").read_text(encoding="utf-8")
    assert (project.root / "copy.json").read_text(encoding="utf-8") == saved
    assert "Dataset/people" in (project.root / "plan.md").read_text(encoding="utf-8")
    assert project.run("show", "plan.json").ok().out.startswith("1 to create")
    assert project.run("show", "plan.json", "--format", "json").ok().json == json.loads(saved)
    project.run("plan", "--report", "nonsense").ok(64)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("G999", "there is no guard G999"),
        ("G001", "write --allow G001=N"),
        ("G001=many", "write --allow G001=N"),
        ("G001=-1", "write --allow G001=N"),
        ("G002=50", "write --allow G002"),
        ("G002:Dataset/people", "write --allow G002"),
        ("G004", "write --allow G004:Kind/name"),
        ("G004:people", "write --allow G004:Kind/name"),
        ("G008:Dataset/people", "G008 cannot be acknowledged"),
    ],
)
def test_an_acknowledgement_that_accepts_nothing_is_a_mistake(project: Project, text: str, says: str) -> None:
    assert says in project.run("plan", "--allow", text).ok(64).err


def test_protection_that_comes_or_goes_is_told(project: Project) -> None:
    project.apply()
    project.put("people.yaml", dataset("people", metadata={"lifecycle": {"protect": True}}))
    ran = project.run("plan", "--detailed-exitcode").ok(0)
    assert "= record Dataset/people" in ran.out
    assert "(protected from now on)" in ran.out
    assert "applied  record Dataset/people" in project.run("apply", "--yes").ok().err
    assert "record" not in project.run("plan").ok().out
    project.put("people.yaml", dataset("people"))
    assert "no longer protected" in project.run("plan", "--format", "markdown").ok().out


def test_it_never_writes(project: Project) -> None:
    """Not even local state that a later command would trust."""
    project.run("plan").ok()
    project.run("drift").ok()
    assert not (project.state / "ledger.json").exists()
    assert not (project.state / "journal.ndjson").exists()
    assert project.control("GET", "state")["counts"]["Dataset"] == 0


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("RECONCILER_PLAN_FORMAT", "json", ["--format", "json"]),
        ("RECONCILER_PLAN_DETAILED_EXITCODE", "1", ["--detailed-exitcode"]),
        ("RECONCILER_PLAN_ONLY", "Dataset/nothing", ["--only", "Dataset/nothing"]),
        ("RECONCILER_PLAN_TARGET", "nowhere", ["--target", "nowhere"]),
    ],
)
def test_options_come_from_the_environment_too(project: Project, name: str, value: str, arguments: list[str]) -> None:
    said = project.run("plan", *arguments)
    found = project.run("plan", **{name: value})
    plain = project.run("plan")
    assert found.code == said.code
    assert (found.out == "") == (said.out == "")
    assert (found.code, found.out[:1], found.err) != (plain.code, plain.out[:1], plain.err)


def test_from_a_folder_below_and_from_elsewhere(project: Project) -> None:
    from tests.support.project import run

    below = run("plan", "people.yaml", cwd=project.root / "manifests").ok()
    assert "Dataset/people" in below.out
    assert "Dataset/people" in run("plan", "-C", str(project.root), cwd=project.root.parent).ok().out
    ran = run("plan", cwd=project.root.parent).ok(78)
    assert "error[P001]" in ran.err


def test_a_junit_report_tells_of_each_change(project: Project) -> None:
    from xml.etree import ElementTree

    for command in (["plan"], ["apply", "--yes"], ["drift"]):
        project.run(*command, "--report", "junit=found.xml").ok()
        root = ElementTree.fromstring((project.root / "found.xml").read_text("utf-8"))
        names = [case.get("name") for case in root.iter("testcase")]
        assert names == (["create Dataset/people"] if command[0] != "drift" else [names[0]])
        assert root[0].get("failures") == "0"
    project.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"description": "by hand"}})
    project.run("drift", "--report", "junit=found.xml").ok(2)
    root = ElementTree.fromstring((project.root / "found.xml").read_text("utf-8"))
    assert [(case.get("classname"), case.get("name")) for case in root.iter("testcase")] == [
        ("drift", "Dataset/people")
    ]
    assert root[0].get("failures") == "1"


def test_a_plan_that_cannot_be_saved_is_refused_first(project: Project) -> None:
    ran = project.run("plan", "--out", "no/such/plan.json").ok(64)
    assert ran.out == ""
    assert "--out no/such/plan.json: there is no folder no/such" in ran.err
    assert "is a directory" in project.run("plan", "--out", "manifests").ok(64).err
    assert not project.state.exists()


@pytest.mark.parametrize("command", [("plan",), ("drift", "--write-back"), ("apply", "--yes")])
@pytest.mark.parametrize(
    ("reports", "says"),
    [
        (("html=no/such/folder.html",), "there is no folder"),
        (("markdown=manifests",), "that is a folder"),
        (("markdown=one", "json=./one"), "another report goes there"),
        (("json=-",), "--format is for stdout"),
    ],
)
def test_reports_that_cannot_be_written_are_refused_first(
    project: Project, command: tuple[str, ...], reports: tuple[str, ...], says: str
) -> None:
    ran = project.run(*command, *(word for report in reports for word in ("--report", report))).ok(64)
    assert ran.out == ""
    assert says in ran.err + ran.out
    assert not project.state.exists()
    assert not (project.root / "-").exists()
