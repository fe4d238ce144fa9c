"""Reviewed changes: a saved plan is applied as it was reviewed or not at all, and ``--expect`` holds a fresh one to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.plandigest import plan_digest
from tests.support.project import CLIENT_SECRET, Project
from tests.support.tenant_project import Setting, action, connector, dataset


@pytest.fixture
def planned(setting: Setting) -> Setting:
    """A plan of a fresh project, saved."""
    setting.chain()
    setting.project.run("plan", "--out", "plan.json").ok()
    return setting


def _rewrite(path: Path, *, seal: bool = True, **header: Any) -> None:
    """Change a saved plan by hand, with a digest that fits where ``seal``."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for name, value in header.items():
        (data["header"] if name in data["header"] else data)[name] = value
    if seal:
        data["planDigest"] = plan_digest(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_a_saved_plan_of_a_fresh_project_applies_whole(planned: Setting) -> None:
    """With secrets and code in it, and no ledger yet whose salt could have marked the secrets."""
    planned.project.run("apply", "plan.json").ok()
    planned.project.converged()
    assert planned.live("Connector")["crm"]["lifecycleStatus"] == "ACTIVE"


def test_it_needs_no_manifests_any_more(planned: Setting) -> None:
    """It is the plan that was reviewed, not what lies in the folder by now."""
    planned.project.put("all.yaml", dataset("unreviewed"))
    planned.project.run("apply", "plan.json").ok()
    assert list(planned.live("Dataset")) == ["beside"]


def test_for_another_target(planned: Setting) -> None:
    path = planned.project.root / "reconciler.yaml"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["spec"]["targets"]["other"] = data["spec"]["targets"]["local"]
    path.write_text(json.dumps(data), encoding="utf-8")
    ran = planned.project.run("apply", "plan.json", "-t", "other").ok(1)
    assert "error[F001]" in ran.err
    assert "other" in ran.err
    assert planned.writes() == []


def test_past_its_expiry(planned: Setting) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=5)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    _rewrite(planned.project.root / "plan.json", expires=past)
    ran = planned.project.run("apply", "plan.json").ok(5)
    assert "error[S002]" in ran.err
    assert planned.writes() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [({"seal": False, "manifests": 99}, "digest"), ({"format_version": "2.0"}, "format")],
)
def test_changed_by_hand_or_of_a_newer_tool(planned: Setting, change: dict[str, Any], says: str) -> None:
    _rewrite(planned.project.root / "plan.json", **change)
    ran = planned.project.run("apply", "plan.json").ok(1)
    assert "error[F001]" in ran.err
    assert says in ran.err
    assert planned.writes() == []


def test_with_code_that_builds_differently_by_now(planned: Setting) -> None:
    planned.project.write("code/index.js", "module.exports = async () => ({changed: true});\n")
    ran = planned.project.run("apply", "plan.json").ok(5)
    assert "error[S004]" in ran.err
    assert planned.writes() == []


def test_with_another_secret_by_now(setting: Setting) -> None:
    setting.chain()
    setting.project.apply()
    setting.project.put("all.yaml", connector("crm", description="second"))
    plan = {"SECRET_ONE": "second-secret-value"}
    setting.project.run("plan", "--out", "plan.json", **plan).ok()
    mark = setting.mark
    ran = setting.project.run("apply", "plan.json", SECRET_ONE="third-secret-value").ok(5)
    assert "error[S004]" in ran.err
    assert setting.writes(mark) == []
    setting.project.run("apply", "plan.json", **plan).ok()
    stored = setting.live("Connector")["crm"]["stored"]["authentication"]["credentials"]
    assert stored["password"] == "second-secret-value"


def test_a_target_may_take_saved_plans_only(setting: Setting) -> None:
    project = Project.create(setting.project.root, url=setting.emulator.url, target={"apply": {"savedPlanOnly": True}})
    project.put("all.yaml", dataset("people"))
    ran = project.run("apply", "--yes").ok(6)
    assert "plan.json" in ran.err
    assert setting.writes() == []
    project.run("plan", "--out", "plan.json").ok()
    project.run("apply", "plan.json").ok()
    project.converged()


def test_planning_options_have_no_say_in_a_plan_file(planned: Setting) -> None:
    """What narrows or widens a plan is said when it is made; silently dropping it would surprise."""
    for extra in (["--only", "Dataset/*"], ["--prune"], ["--allow", "G001=9"], ["--adopt", "Dataset/beside"]):
        planned.project.run("apply", "plan.json", *extra).ok(64)
    planned.project.run("apply", "--resume", "--prune").ok(64)
    assert planned.writes() == []


def test_expect_goes_on_with_the_reviewed_changes_only(planned: Setting) -> None:
    project = planned.project
    digest = json.loads((project.root / "plan.json").read_bytes())["changeDigest"]
    project.put("more.yaml", dataset("unreviewed"))
    ran = project.run("apply", "--yes", "--expect", digest).ok(5)
    assert "error[S003]" in ran.err
    assert planned.writes() == []
    (project.root / "manifests" / "more.yaml").unlink()
    project.run("apply", "--yes", "--expect", digest[:4]).ok(64)
    project.run("apply", "--yes", "--expect", digest[:12]).ok()
    project.converged()


def test_expect_does_not_ask_for_the_reviewers_secrets(setting: Setting) -> None:
    """The reviewer's runner had no secrets at all; where they are known, one of them turns out to have rotated."""
    project = setting.project
    setting.chain()
    project.apply()
    project.put("more.yaml", dataset("more"))
    del project.environ["SECRET_ONE"]
    digest = project.plan()["changeDigest"]
    project.environ["SECRET_ONE"] = "rotated-secret-value"
    project.run("apply", "--yes", "--expect", digest).ok()
    stored = setting.live("Connector")["crm"]["stored"]["authentication"]["credentials"]
    assert stored["password"] == "rotated-secret-value"
    project.converged()


def test_bundle_changes_list_the_files(setting: Setting) -> None:
    project = setting.project
    project.write("code/lib/kept.js", "1")
    project.write("code/lib/gone.js", "1")
    project.put("all.yaml", action("enrich"))
    project.apply()
    project.write("code/index.js", "module.exports = async () => ({changed: true});\n")
    project.write("code/lib/new.js", "1")
    (project.root / "code/lib/gone.js").unlink()
    ran = project.run("plan").ok()
    assert "kept.js" not in ran.out
    changes = project.plan()["changes"][0]["bundleFiles"]
    assert sorted(changes) == [["index.js", "changed"], ["lib/gone.js", "removed"], ["lib/new.js", "added"]]
    for name in ("index.js", "lib/gone.js", "lib/new.js"):
        assert name in ran.out
    project.apply()
    project.converged()


def test_the_file_holds_no_secret_and_is_its_owners(planned: Setting) -> None:
    path = planned.project.root / "plan.json"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text(encoding="utf-8")
    assert "first-secret-value" not in text
    assert CLIENT_SECRET not in text
