"""Guards that a project writes itself, at work: what refuses, what warns, what is accepted, and what becomes of mistakes."""

from __future__ import annotations

import json
import sys
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


def rules_text(items: str) -> str:
    """A file of guards, from the lines of its rules: the first of them is its sixth line."""
    return f"apiVersion: {API_VERSION}\nkind: GuardRules\nmetadata: {{name: house}}\nspec:\n  rules:\n{items}"


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
        rules_text("""\
    - code: P-block
      message: no
      require: |
        change.action != "delete"
          && change.kee != ""
    - code: P-line
      message: no
      require: change.kee != ""
    - code: P-line
      message: 'is {change.kee}'
      require: "change.kee != ''"
"""),
    )
    out = guarded.run("validate").ok(78).out
    for place in ("10:21", "13:23", "14:13", "15:28", "16:24"):
        assert f"guards/house.yaml:{place}\n" in out
    assert out.count("did you mean `key`?") == 4


def test_the_place_of_a_mistake_in_folded_and_quoted_text(guarded: Project) -> None:
    guarded.write(
        "guards/house.yaml",
        rules_text("""\
    - code: P-folded
      message: no
      require: >-  # why

        change.action != "delete"

        && change.kee != ""
    - code: P-plain
      message: no
      require: change.action != "delete" &&
        change.kee != ""
    - code: P-doubled
      message: no
      require: 'change.name != "it''s" && change.kee != ""'
    - code: P-escaped
      message: no
      require: "change.name != \\"x\\" && change.kee != ''"
    - code: P-other
      message: no
      require: "change.name \\x21= 'x' && change.kee != ''"
    - code: P-end
      message: no
      require: change.name ==
"""),
    )
    out = guarded.run("validate").ok(78).out
    for place in ("12:19", "16:16", "19:50", "22:48", "25:16", "28:30"):
        assert f"guards/house.yaml:{place}\n" in out
    assert "syntax error: it ends too early\n" in out


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


FREEZE = {"name": "year-end", "reason": "retail peak", "timezone": "Europe/Berlin"}
ALWAYS = {**FREEZE, "from": "2020-01-01T00:00", "to": "2099-01-01T00:00"}


def frozen(tmp_path: Path, freeze: dict[str, Any], **guards: Any) -> Project:
    project = Project.create(tmp_path / "project", guards={"freezes": [freeze], **guards})
    project.put("people.yaml", dataset("people"))
    return project


def test_a_freeze_warns_in_a_plan_and_refuses_an_apply(tmp_path: Path) -> None:
    project = frozen(tmp_path, ALWAYS)
    ran = project.run("plan").ok(0)
    told = "G020 the freeze year-end (retail peak) holds back a change until Thursday, 2099-01-01 00:00 CET (Europe/Berlin)"
    assert told in ran.out.partition("Warnings (1)")[2]
    ran = project.run("apply", "--yes").ok(6)
    assert told in ran.out.partition("Refused (1)")[2]
    assert "Warnings" not in ran.out
    assert "refused by G020" in ran.err
    project.apply("--allow", "G020:year-end")
    project.apply()


def test_a_saved_plan_is_judged_when_it_is_applied(tmp_path: Path) -> None:
    project = frozen(tmp_path, {**ALWAYS, "to": "2020-01-02T00:00"})
    assert "Warnings" not in project.run("plan", "--out", "plain.json").ok().out
    project.run("plan", "--out", "accepted.json", "--allow", "G020:year-end").ok()
    text = (project.root / "reconciler.yaml").read_text(encoding="utf-8")
    project.write("reconciler.yaml", text.replace("2020-01-02", "2099-01-01"))
    assert "refused by G020" in project.run("apply", "plain.json").ok(6).err
    ran = project.run("apply", "accepted.json").ok()
    assert "G020:year-end" in ran.out.partition("Acknowledged (1)")[2]


def test_what_a_freeze_lets_pass(tmp_path: Path) -> None:
    project = frozen(tmp_path, {**ALWAYS, "allow": ["hotfix=yes"], "targets": ["local"]})
    project.run("apply", "--yes").ok(6)
    project.put("people.yaml", dataset("people", metadata={"labels": {"hotfix": "yes"}}))
    project.apply()
    text = (project.root / "reconciler.yaml").read_text(encoding="utf-8")
    other = json.loads(text)
    other["spec"]["targets"]["prod"] = {"url": "https://prod.example"}
    other["spec"]["guards"]["freezes"] = [{**ALWAYS, "targets": ["prod"]}]
    project.write("reconciler.yaml", json.dumps(other))
    project.put("people.yaml", dataset("people", description="another"))
    project.apply()


@pytest.mark.parametrize(
    ("freeze", "says"),
    [
        ({**FREEZE}, "needs from and to, or weekly"),
        ({**FREEZE, "from": "2027-01-01T00:00", "to": "2026-01-01T00:00"}, "ends before it begins"),
        ({**FREEZE, "from": "2027-01-01T00:00Z", "to": "2027-02-01T00:00"}, "has an offset"),
        ({**FREEZE, "weekly": {"from": "Freitag 16:00", "to": "Monday 06:00"}}, "is not a weekday and a time"),
        ({**ALWAYS, "timezone": "Mars/Base"}, "is not a time zone"),
        ({**ALWAYS, "allow": ["nonsense"]}, "is not a selector"),
        ({**ALWAYS, "targets": ["prd"]}, "freezes a target prd (year-end), which it does not declare"),
    ],
)
def test_a_freeze_that_means_nothing(tmp_path: Path, freeze: dict[str, Any], says: str) -> None:
    ran = frozen(tmp_path, freeze).run("validate").ok(78)
    assert "reconciler.yaml:1:" in ran.out
    assert says in ran.out


def entries(*items: dict[str, Any]) -> str:
    """A file of acknowledgements."""
    filled = [{"reason": "agreed", "by": "anna", "expires": "2099-01-01", **item} for item in items]
    body = {
        "apiVersion": API_VERSION,
        "kind": "Acknowledgements",
        "metadata": {"name": "accepted"},
        "spec": {"acknowledgements": filled},
    }
    return json.dumps(body)


@pytest.fixture
def reviewed(tmp_path: Path) -> Project:
    """A guarded project whose reviewers may accept things."""
    guards = {"rules": ["guards"], "acknowledgements": ["acknowledgements.yaml"], "freezes": [ALWAYS], "maxDeletes": 0}
    project = Project.create(tmp_path / "project", guards=guards, prune=True)
    project.put("people.yaml", dataset("people"))
    project.write("guards/house.yaml", rules(OWNER))
    project.write("acknowledgements.yaml", entries({"code": "G020", "freeze": "year-end"}))
    return project


def accept(project: Project, *items: dict[str, Any]) -> None:
    project.write("acknowledgements.yaml", entries({"code": "G020", "freeze": "year-end"}, *items))


def test_what_reviewers_accept_passes_and_is_shown(reviewed: Project) -> None:
    reviewed.run("plan").ok(6)
    accept(reviewed, {"code": "P-owner", "key": "Dataset/people"})
    plan = reviewed.plan()
    assert jsonschema_rs.is_valid(plan_schema(), plan)
    assert plan["problems"] == plan["warnings"] == []
    [freeze, owner] = plan["acknowledged"]
    assert freeze["accepts"] == "G020:year-end"
    assert owner == {
        "accepts": "P-owner:Dataset/people",
        "message": "Dataset/people has no label owner",
        "reason": "agreed",
        "by": "anna",
        "expires": "2099-01-02T00:00:00Z",
        "source": owner["source"],
    }
    assert owner["source"].startswith("acknowledgements.yaml:1:")
    shown = reviewed.run("plan", "--out", "plan.json").ok().out.partition("Acknowledged (2)")[2]
    assert "P-owner:Dataset/people Dataset/people has no label owner" in shown
    assert "agreed (anna, until 2099-01-02T00:00:00Z, acknowledgements.yaml:1:" in shown
    (reviewed.root / "acknowledgements.yaml").write_text(entries(), encoding="utf-8")
    reviewed.run("apply", "plan.json").ok()


def test_built_in_guards_are_acknowledged_the_same_way(reviewed: Project) -> None:
    accept(reviewed, {"code": "P-owner"})
    reviewed.apply()
    reviewed.clear()
    reviewed.put("other.yaml", dataset("other", metadata={"labels": {"owner": "anna"}}))
    assert {item["code"] for item in reviewed.plan(code=6)["problems"]} == {"G001"}
    accept(reviewed, {"code": "P-owner"}, {"code": "G001", "count": 1})
    plan = reviewed.plan()
    assert [item["accepts"] for item in plan["acknowledged"]] == ["G001=1", "G020:year-end", "P-owner"]
    reviewed.apply()


def test_an_acknowledgement_is_for_one_change(reviewed: Project) -> None:
    [problem] = reviewed.plan(code=6)["problems"]
    assert len(problem["change"]) == 16
    assert f"change {problem['change']}" in reviewed.run("plan").ok(6).out
    accept(reviewed, {"code": "P-owner", "key": "Dataset/people", "change": problem["change"][:12]})
    reviewed.plan()
    reviewed.put("people.yaml", dataset("people", description="another"))
    plan = reviewed.plan(code=6)
    assert plan["problems"][0]["change"] != problem["change"]
    assert any("was for another change than now: review what is refused" in text for text in plan["warnings"])


def test_an_acknowledgement_may_be_for_some_fields(reviewed: Project) -> None:
    accept(reviewed, {"code": "P-owner"})
    reviewed.apply()
    entry = {"code": "P-owner", "key": "Dataset/people", "fields": ["description"]}
    accept(reviewed, entry)
    reviewed.put("people.yaml", dataset("people", description="another"))
    reviewed.plan()
    reviewed.put("people.yaml", dataset("people", description="another", columns={"id": "string", "new": "number"}))
    reviewed.plan(code=6)


def test_an_expired_acknowledgement_accepts_nothing(reviewed: Project) -> None:
    accept(reviewed, {"code": "P-owner", "key": "Dataset/people", "expires": "2020-01-01"})
    plan = reviewed.plan(code=6)
    assert [item["code"] for item in plan["problems"]] == ["P-owner"]
    [warning] = plan["warnings"]
    assert warning.startswith("G021 the acknowledgement of P-owner:Dataset/people (acknowledgements.yaml:1:")
    assert warning.endswith("expired at 2020-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"code": "P-ownr"}, "there is no guard P-ownr"),
        ({"code": "G999"}, "there is no guard G999"),
        ({"code": "G008", "key": "Dataset/people"}, "G008 cannot be acknowledged"),
        ({"code": "G017"}, "G017 takes `key`"),
        ({"code": "G001"}, "G001 takes `count`"),
        ({"code": "G020", "freeze": "eastern"}, "there is no freeze eastern"),
        ({"code": "P-owner", "targets": ["prd"]}, "there is no target prd"),
        ({"code": "P-owner", "expires": "soon"}, "is neither a day"),
        ({"code": "P-owner", "expires": "2099-01-01T00:00:00"}, "is neither a day"),
        ({"code": "P-owner", "by": ""}, "at least 1 character"),
        ({"code": "P-owner", "key": "Dataset/people", "count": 1}, "one acknowledgement is about one thing"),
        ({"code": "P-owner", "change": "abc"}, "form"),
    ],
)
def test_acknowledgements_that_mean_nothing(reviewed: Project, entry: dict[str, Any], says: str) -> None:
    accept(reviewed, entry)
    ran = reviewed.run("validate").ok(78)
    assert "error[P006]" in ran.out
    assert says in ran.out
    assert "acknowledgements.yaml:1:" in ran.out


def test_the_budget_is_checked_before_anything_is_sent(tmp_path: Path) -> None:
    target = {"limits": {"requestsPerSecond": 2}, "apply": {"maxSeconds": 0.5}}
    project = Project.create(tmp_path / "project", guards={"maxRequests": 3}, target=target)
    project.put("people.yaml", dataset("people"), dataset("other"))
    plan = project.plan(code=6)
    assert plan["cost"] == {"requests": 4, "seconds": 2.0}
    assert [item["message"] for item in plan["problems"]] == [
        "applying takes 4 requests, which is over 3",
        "applying takes 2 s at the target's limit, which is over 0.5 s",
    ]
    assert "refused by G018, G019" in project.run("apply", "--yes").ok(6).err
    project.run("plan", "--allow", "G018=3", "--allow", "G019=1").ok(6)
    project.apply("--allow", "G018=4", "--allow", "G019=2")


def test_a_saved_plan_keeps_to_the_budget_of_today(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", guards={"maxRequests": 2})
    project.put("people.yaml", dataset("people"))
    project.run("plan", "--out", "plan.json").ok()
    text = (project.root / "reconciler.yaml").read_text(encoding="utf-8")
    project.write("reconciler.yaml", text.replace('"maxRequests": 2', '"maxRequests": 1'))
    assert "refused by G018" in project.run("apply", "plan.json").ok(6).err


def test_a_saved_plan_is_asked_again_about_the_time(tmp_path: Path) -> None:
    rule = {
        "code": "P-later",
        "require": "now < timestamp('2099-01-01T00:00:00Z')",
        "message": "too late for {change.key}",
    }
    project = Project.create(tmp_path / "project", guards={"rules": ["guards"]})
    project.put("people.yaml", dataset("people"))
    project.write("guards/house.yaml", rules(rule, {**OWNER, "require": "true"}))
    project.run("plan", "--out", "plan.json").ok()
    project.run("plan", "--out", "accepted.json", "--allow", "P-later:Dataset/people").ok()
    late = {**rule, "require": "now < timestamp('2020-01-01T00:00:00Z')"}
    project.write("guards/house.yaml", rules(late, {**OWNER, "require": "false"}))
    ran = project.run("apply", "plan.json").ok(6)
    assert "too late for Dataset/people" in ran.out
    assert "refused by P-later; nothing was sent" in ran.err, "the other rule does not look at the time"
    project.write("guards/house.yaml", "nonsense")
    assert "a file of guards is a map" in project.run("apply", "plan.json").ok(78).err
    project.write("guards/house.yaml", rules(late, OWNER))
    project.run("plan", "--out", "accepted.json", "--allow", "P-later", "--allow", "P-owner").ok()
    project.run("apply", "accepted.json").ok()


def test_the_cost_is_what_an_apply_sends(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", guards={"maxUpdatePercent": 100})
    for count, cost in ((3, 6), (25, 26)):
        project.put(f"{count}.yaml", *(dataset(f"d{count}-{number}") for number in range(count)))
        assert project.plan()["cost"]["requests"] == cost
        report = project.apply("--format", "json").events[-1]
        assert sum(report["requests"].values()) - 1 == cost, "all but the listing of the plan"


def test_every_report_says_what_was_accepted_and_why(reviewed: Project) -> None:
    accept(reviewed, {"code": "P-owner", "key": "Dataset/people", "reason": "owner follows"})
    names = ("markdown", "html", "json", "junit")
    of_plan = [word for name in names for word in ("--report", f"{name}=plan.{name}")]
    reviewed.run("plan", "--out", "saved.json", *of_plan).ok()
    of_apply = [word for name in names for word in ("--report", f"{name}=apply.{name}")]
    ran = reviewed.run("apply", "saved.json", *of_apply).ok()
    assert "acknowledged  P-owner:Dataset/people: owner follows (anna, until 2099-01-02T00:00:00Z" in ran.out
    for name in names:
        of_files = ["plan"] if name == "junit" else ["plan", "apply"]
        for what in of_files:
            text = (reviewed.root / f"{what}.{name}").read_text(encoding="utf-8")
            assert "P-owner" in text
            assert "owner follows" in text
    assert "owner follows" in reviewed.run("show", "apply.json").ok().out


def test_two_freezes_of_one_name(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", guards={"freezes": [ALWAYS, ALWAYS]})
    assert "declares the freeze year-end twice" in project.run("validate").ok(78).out


def test_without_the_library_nothing_passes_by_the_rules(guarded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.run("plan", "--out", "plan.json", "--allow", "P-owner").ok()
    monkeypatch.setitem(sys.modules, "cel", None)
    for words in (("validate",), ("plan",), ("apply", "--yes"), ("apply", "plan.json"), ("test", "--guards")):
        ran = guarded.run(*words).ok(78)
        assert "pip install 'reconciler[guards]'" in ran.all
    assert guarded.run("ledger", "list", "--format", "json").ok().json == []
    text = (guarded.root / "reconciler.yaml").read_text(encoding="utf-8")
    guarded.write("reconciler.yaml", text.replace('"rules": ["guards"]', '"rules": []'))
    guarded.apply()
