"""Guards that a project writes itself, at work: what refuses, what warns, what is accepted, and what becomes of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from reconciler.render.schemas import plan_schema
from tests.support.project import API_VERSION, Project
from tests.support.tenant_project import dataset

OWNER: dict[str, Any] = {
    "code": "P-owner",
    "title": "every resource has an owner",
    "require": "has(change.labels.owner)",
    "message": "{change.key} has no label owner",
    "fix": "add metadata.labels.owner",
}


def rules(*items: dict[str, Any]) -> str:
    """A file of guards."""
    body = {"apiVersion": API_VERSION, "kind": "GuardRules", "metadata": {"name": "house"}, "spec": {"rules": items}}
    return json.dumps(body)


@pytest.fixture
def guarded(tmp_path: Path) -> Project:
    """A project with one rule and one dataset that it does not accept."""
    project = Project.create(tmp_path / "project", guards={"rules": ["guards"]}, prune=True)
    project.put("people.yaml", dataset("people"))
    project.write("guards/house.yaml", rules(OWNER))
    return project


def test_a_rule_refuses_plan_and_apply(guarded: Project) -> None:
    ran = guarded.run("plan").ok(6)
    assert "Refused (1)" in ran.out
    assert "! P-owner Dataset/people has no label owner" in ran.out
    assert "fix: add metadata.labels.owner" in ran.out
    assert ran.err == ""
    ran = guarded.run("apply", "--yes").ok(6)
    assert "error[G000]: refused by P-owner; nothing was sent" in ran.err
    assert guarded.plan(code=6)["problems"][0]["acknowledge"] == "P-owner:Dataset/people"


def test_what_it_accepts_passes(guarded: Project) -> None:
    guarded.put("people.yaml", dataset("people", metadata={"labels": {"owner": "anna"}}))
    assert guarded.run("plan").ok(0).err == ""
    guarded.apply()
    guarded.converged()


def test_one_run_may_accept_it(guarded: Project) -> None:
    for text in ("P-owner:Dataset/people", "P-owner"):
        plan = guarded.plan("--allow", text)
        assert jsonschema_rs.is_valid(plan_schema(), plan)
        assert plan["problems"] == []
        assert [(item["accepts"], item["source"]) for item in plan["acknowledged"]] == [(text, "--allow")]
    guarded.plan("--allow", "P-owner:Dataset/other", code=6)
    assert "Acknowledged (1)" in guarded.run("plan", "--allow", "P-owner").ok().out
    guarded.apply("--allow", "P-owner")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("P-ownr", "there is no guard P-ownr"),
        ("P-owner:people", "write P-owner:Kind/name"),
        ("G020:christmas", "there is no freeze of this name"),
        ("G022", "G022 cannot be acknowledged"),
    ],
)
def test_accepting_what_there_is_not_is_a_mistake(guarded: Project, text: str, says: str) -> None:
    assert says in guarded.run("plan", "--allow", text).ok(64).err


def test_a_warning_is_told_and_stops_nothing(guarded: Project) -> None:
    guarded.write("guards/house.yaml", rules({**OWNER, "severity": "warning"}))
    ran = guarded.run("plan").ok(0)
    assert "! P-owner Dataset/people has no label owner" in ran.out.partition("Warnings (1)")[2]
    guarded.apply()


def test_a_rule_over_the_plan(guarded: Project) -> None:
    rule = {
        "code": "P-small",
        "scope": "plan",
        "require": "plan.counts.all <= 2 && plan.kinds.all(k, plan.kinds[k].create < 3)",
        "message": "{plan.counts.all} changes at once, {plan.kinds.Dataset.create} of them new datasets",
    }
    guarded.write("guards/house.yaml", rules(rule))
    guarded.run("plan").ok(0)
    guarded.put("more.yaml", dataset("a"), dataset("b"))
    assert "! P-small 3 changes at once, 3 of them new datasets" in guarded.run("plan").ok(6).out
    assert guarded.plan("--allow", "P-small")["problems"] == []


def test_what_cannot_be_decided_refuses(guarded: Project) -> None:
    guarded.write("guards/house.yaml", rules({**OWNER, "require": "change.labels.owner == 'anna'"}))
    ran = guarded.run("plan").ok(6)
    assert "! G022 P-owner cannot be evaluated for Dataset/people" in ran.out
    assert "there is no owner here" in ran.out
    guarded.run("plan", "--allow", "P-owner").ok(6)
    guarded.write("guards/house.yaml", rules({**OWNER, "require": "change.labels.size()"}))
    assert "`require` gives a number and not true or false" in guarded.run("plan").ok(6).out


@pytest.mark.parametrize(
    ("rule", "code", "says"),
    [
        ({"require": "change.acton == 'delete'"}, "P004", "`change` has no field `acton`"),
        ({"require": "chang.action == 'delete'"}, "P004", "there is no variable `chang` here"),
        ({"require": "change.key.startWith('a')"}, "P004", "there is no function `startWith`"),
        ({"require": "change.key =="}, "P004", "syntax error"),
        ({"require": "plan.counts.all > 1"}, "P004", "there is no variable `plan` here"),
        ({"when": "1 +"}, "P004", "syntax error"),
        ({"message": "{change.kee}"}, "P004", "`change` has no field `kee`"),
        ({"message": "{change.key"}, "P004", "opened and not closed"),
        ({"code": "G001"}, "P003", "form"),
        ({"kinds": ["Datset"]}, "P003", "there is no kind Datset"),
        ({"targets": ["prd"]}, "P003", "there is no target prd"),
        ({"requires": "true"}, "P003", "unknown field `requires`"),
        ({"timezone": "Europe/Berlyn"}, "P003", "is not a time zone"),
        ({"require": "x" * 5000}, "P003", "characters"),
    ],
)
def test_mistakes_are_found_offline(guarded: Project, rule: dict[str, Any], code: str, says: str) -> None:
    guarded.write("guards/house.yaml", rules({**OWNER, **rule}))
    ran = guarded.run("validate").ok(78)
    assert f"error[{code}]" in ran.out
    assert says in ran.out
    assert "guards/house.yaml:1:" in ran.out
    guarded.run("plan").ok(78)


def test_the_place_of_a_mistake_is_exact(guarded: Project) -> None:
    guarded.write(
        "guards/house.yaml",
        f"""apiVersion: {API_VERSION}
kind: GuardRules
metadata: {{name: house}}
spec:
  rules:
    - code: P-block
      message: no
      require: |
        change.action != "delete"
          && change.kee != ""
    - code: P-line
      message: no
      require: change.kee != ""
    - code: P-line
      message: 'is {{change.kee}}'
      require: "change.kee != ''"
""",
    )
    out = guarded.run("validate").ok(78).out
    for place in ("10:21", "13:23", "14:13", "15:27", "16:24"):
        assert f"guards/house.yaml:{place}\n" in out
    assert out.count("did you mean `key`?") == 4


def test_a_file_that_is_not_there(guarded: Project) -> None:
    (guarded.root / "guards" / "house.yaml").unlink()
    (guarded.root / "guards").rmdir()
    assert "spec.guards.rules of reconciler.yaml: guards does not exist" in guarded.run("plan").ok(78).err


def test_secrets_never_reach_a_rule(guarded: Project) -> None:
    from tests.support.tenant_project import action

    guarded.put("action.yaml", action("enrich", environment={"KEY": "${secret:env:SECRET_ONE}"}))
    guarded.write("code/index.js", "exports.handler = 1;")
    rule = {
        "code": "P-look",
        "kinds": ["DataAction"],
        "require": "false",
        "message": "{change.after.environment} {change.after.environment.KEY} {change.fields}",
    }
    guarded.write("guards/house.yaml", rules(rule))
    ran = guarded.run("plan", SECRET_ONE="first-secret-value").ok(6)
    assert "first-secret-value" not in ran.all
    assert "(secret)" in ran.out
    assert '"reference":"env:SECRET_ONE"' in ran.out
