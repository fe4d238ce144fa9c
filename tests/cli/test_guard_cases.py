"""``test --guards``: cases beside rules, run offline; and what ``explain`` says of a written guard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.project import API_VERSION, Project

FRIDAY: dict[str, Any] = {
    "code": "P-no-friday-deletes",
    "title": "nothing is deleted on a Friday",
    "explanation": "Nobody is there on Saturday to bring it back.",
    "timezone": "Europe/Berlin",
    "kinds": ["Dataset"],
    "targets": ["prod"],
    "when": 'change.action == "delete"',
    "require": 'local.weekday != "Friday"',
    "message": "{change.key} would be deleted on a {local.weekday}, at {local.time}",
}
DELETE = {"key": "Dataset/people", "action": "delete"}


def case(name: str, expect: str = "refuse", **more: Any) -> dict[str, Any]:
    return {"name": name, "expect": expect, "change": DELETE, "now": "2026-03-27T23:30:00Z", **more}


def project_with(tmp_path: Path, *rules: dict[str, Any]) -> Project:
    made = Project.create(tmp_path / "project", guards={"rules": ["guards"]})
    text = (made.root / "reconciler.yaml").read_text(encoding="utf-8")
    targets = {"local": {"url": "emulator:"}, "prod": {"url": "https://prod.example"}}
    body = json.loads(text)
    body["spec"]["targets"] = targets
    made.write("reconciler.yaml", json.dumps(body))
    file = {"apiVersion": API_VERSION, "kind": "GuardRules", "metadata": {"name": "house"}, "spec": {"rules": rules}}
    made.write("guards/house.yaml", json.dumps(file))
    return made


def with_cases(*cases: dict[str, Any]) -> dict[str, Any]:
    return {**FRIDAY, "cases": list(cases)}


PASSING = (
    case("late on Friday by UTC is Saturday in Berlin", "pass"),
    case("a Friday", now="2026-03-27T11:00:00+01:00", message="on a Friday, at 11:00"),
    case("an update", "pass", change={**DELETE, "action": "update"}),
    case("another kind", "pass", change={"key": "Connector/crm", "action": "delete"}),
    case("another target", "pass", target="local", now="2026-03-27T11:00:00+01:00"),
)


def test_cases_that_hold(tmp_path: Path) -> None:
    project = project_with(tmp_path, with_cases(*PASSING))
    ran = project.run("test", "--guards").ok(0)
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == "P-no-friday-deletes  nothing is deleted on a Friday"
    assert lines[1] == "  passed  late on Friday by UTC is Saturday in Berlin"
    assert lines[-1] == "5 cases of 1 guard: 5 passed"
    only = project.run("test", "--guards", "P-no-*", "-k", "another").ok(0)
    assert only.out.splitlines()[-1] == "2 cases of 1 guard: 2 passed"
    assert not (project.root / ".reconciler" / "local").exists()


def test_cases_that_do_not_hold(tmp_path: Path) -> None:
    failing = (case("wrong", "refuse"), case("words", now="2026-03-27T11:00:00+01:00", message="at noon"))
    project = project_with(tmp_path, with_cases(*PASSING, *failing), {**FRIDAY, "code": "P-untried"})
    ran = project.run("test", "--guards", "--report", "junit=guards.xml").ok(1)
    assert "FAILED  wrong  guards/house.yaml:1:" in ran.out
    assert "expected refuse, got pass" in ran.out
    assert "the message does not contain 'at noon'" in ran.out
    assert "no cases: nothing shows what it does" in ran.out
    assert ran.out.splitlines()[-1] == "7 cases of 2 guards: 5 passed, 2 failed, 1 without cases"
    suites = ElementTree.parse(project.root / "guards.xml").getroot()
    assert [(suite.get("name"), suite.get("failures"), suite.get("skipped")) for suite in suites] == [
        ("P-no-friday-deletes", "2", "0"),
        ("P-untried", "0", "1"),
    ]
    ran = project.run("test", "--guards", "--format", "json").ok(1)
    assert ran.json["passed"] is False
    assert ran.json["counts"] == {"error": 0, "failed": 2, "passed": 5}
    assert ran.json["untested"] == ["P-untried"]
    assert "warning: without cases: P-untried" in ran.err
    assert project.run("test", "--guards", "--format", "junit").ok(1).out.startswith("<?xml")


def test_a_rule_without_cases_fails_nothing(tmp_path: Path) -> None:
    assert "no cases" in project_with(tmp_path, FRIDAY).run("test", "--guards").ok(0).out


def test_what_cannot_be_decided_is_an_error(tmp_path: Path) -> None:
    rule = {
        **FRIDAY,
        "require": "change.labels.owner == local.weekday",
        "cases": [case("no label", "refuse", target="prod")],
    }
    ran = project_with(tmp_path, rule).run("test", "--guards").ok(1)
    assert "ERROR   no label" in ran.out
    assert "there is no owner here" in ran.out
    assert "1 without a verdict" in ran.out


def test_warnings_and_plans(tmp_path: Path) -> None:
    rule = {
        "code": "P-few",
        "scope": "plan",
        "severity": "warning",
        "require": "plan.counts.delete < 2 && !plan.changes.exists(c, c.labels.exists(l, l == 'fragile'))",
        "message": "{plan.counts.delete} deletes of {plan.kinds}",
        "cases": [
            {"name": "counted", "plan": {"changes": [DELETE, {**DELETE, "key": "Dataset/b"}]}, "expect": "warn"},
            {"name": "given", "plan": {"counts": {"delete": 2}}, "expect": "warn", "message": "2 deletes of {}"},
            {"name": "one", "plan": {"changes": [DELETE]}, "expect": "pass"},
            {"name": "label", "plan": {"changes": [{**DELETE, "labels": {"fragile": "yes"}}]}, "expect": "warn"},
            {"name": "nothing", "expect": "pass"},
        ],
    }
    ran = project_with(tmp_path, rule).run("test", "--guards").ok(0)
    assert ran.out.splitlines()[-1] == "5 cases of 1 guard: 5 passed"


def test_an_unsure_case(tmp_path: Path) -> None:
    rule = {**FRIDAY, "cases": [{"name": "no time", "expect": "refuse", "change": DELETE}]}
    assert "the rule reads the time, and the case has none" in project_with(tmp_path, rule).run("validate").ok(78).out


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kee": "Dataset/a"}, "`change` has no field `kee`"),
        ({"labels": []}, "`change.labels` is a map(string, string), not a list"),
        ({"line": True}, "`change.line` is a int, not true"),
    ],
)
def test_cases_that_show_what_there_is_not(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    ran = project_with(tmp_path, with_cases(case("off", change=change))).run("test", "--guards").ok(78)
    assert says in ran.err


def test_mistakes_of_usage(tmp_path: Path) -> None:
    project = project_with(tmp_path, FRIDAY)
    ran = project.run("test", "--guards", "P-other").ok(64)
    assert "P-other means no guard of this project" in ran.err
    assert "P-no-friday-deletes" in ran.err
    project.run("test", "--guards", "--local").ok(64)
    assert Project.create(tmp_path / "bare").run("test", "--guards").ok(0).out.strip().endswith("no guards of its own")


def test_a_written_guard_is_explained(tmp_path: Path) -> None:
    project = project_with(tmp_path, with_cases(*PASSING))
    out = project.run("explain", "P-no-friday-deletes").ok(0).out
    assert out.startswith("P-no-friday-deletes: nothing is deleted on a Friday\n")
    assert "Nobody is there on Saturday" in out
    assert 'require  local.weekday != "Friday"' in out
    assert "guards/house.yaml:1:" in out
    project.run("explain", "P-other").ok(64)


def test_files_of_guards_have_schemas_and_a_layout(tmp_path: Path) -> None:
    project = project_with(tmp_path, with_cases(*PASSING))
    project.write(
        "guards/house.yaml",
        "kind: GuardRules\napiVersion: cxone.reconciler/v1\nmetadata: {name: a}\nspec:\n    rules:\n    - code: P-a\n      require: 'true'\n      message: b\n",
    )
    assert "guards/house.yaml" in project.run("fmt", "--check").ok(1).out
    project.run("fmt").ok(0)
    project.run("validate").ok(0)
    project.run("schema", "--modeline").ok(0)
    first = (project.root / "guards" / "house.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/GuardRules.json"
    assert (project.root / "schemas" / "GuardRules.json").exists()
