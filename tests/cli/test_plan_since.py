"""``plan --since`` and ``apply --since``: what changed since a revision, what depends on it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.git import Repo
from tests.support.kind_examples import CODE
from tests.support.project import Project
from tests.support.tenant_project import action, connector, dataset, stream

SECRET = {"SECRET_ONE": "first-secret-value"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A chain of resources and a table beside it, applied and committed."""
    made = Project.create(tmp_path / "repo", prune=True)
    Repo.create(made.root)
    made.environ.update(SECRET)
    made.write(".gitignore", ".reconciler/\n")
    made.write("code/index.js", CODE)
    made.put("crm.yaml", connector("crm"))
    made.put("action.yaml", action("enrich", environment={"CRM": "${ref:Connector/crm.id}"}))
    made.put("stream.yaml", stream("calls", "enrich"))
    made.put("beside.yaml", dataset("beside"), dataset("below"))
    made.apply()
    Repo(made.root).commit()
    return made


def keys(plan: dict[str, Any]) -> list[str]:
    return [change["key"] for change in plan["changes"]]


def drift(project: Project, *names: str) -> None:
    for name in names:
        project.control("POST", "edit", {"kind": "Dataset", "name": name, "patch": {"description": "console"}})


def test_nothing_changed(project: Project) -> None:
    drift(project, "beside")
    ran = project.run("plan", "--since", "HEAD", "--detailed-exitcode").ok(0)
    commit = Repo(project.root).git("rev-parse", "HEAD")[:12]
    assert "No changes." in ran.out
    assert f"It is narrowed to --since HEAD ({commit})." in ran.out
    assert ran.err == ""
    assert keys(project.plan()) == ["Dataset/beside"]


def test_by_document_and_not_by_file(project: Project) -> None:
    project.put("beside.yaml", dataset("beside", description="second"), dataset("below"))
    drift(project, "below")
    plan = project.plan("--since", "HEAD")
    assert keys(plan) == ["Dataset/beside"]
    assert plan["partial"] is True
    assert plan["narrowed"] == [f"--since HEAD ({Repo(project.root).git('rev-parse', 'HEAD')[:12]})"]


def test_what_depends_on_a_change_is_part_of_the_run(project: Project) -> None:
    """All down the chain, so that drift there is put back, too."""
    project.control("POST", "edit", {"kind": "EventStream", "name": "calls", "patch": {"eventTypes": ["chat"]}})
    project.put("crm.yaml", connector("crm", description="changed"))
    assert keys(project.plan("--since", "HEAD")) == ["Connector/crm", "EventStream/calls"]
    project.write("code/index.js", CODE + "// changed\n")
    project.put("crm.yaml", connector("crm"))
    assert keys(project.plan("--since", "HEAD")) == ["DataAction/enrich", "EventStream/calls"]


def test_what_was_removed_is_left_alone_and_named(project: Project) -> None:
    (project.root / "manifests" / "beside.yaml").unlink()
    plan = project.plan("--since", "HEAD")
    assert keys(plan) == []
    assert plan["warnings"] == ["removed since HEAD, and left alone by a narrowed run: Dataset/below, Dataset/beside"]
    assert sorted(keys(project.plan())) == ["Dataset/below", "Dataset/beside"]


def test_together_with_other_narrowings(project: Project) -> None:
    project.put("beside.yaml", dataset("beside", description="second"), dataset("below", description="second"))
    project.put("crm.yaml", connector("crm", description="changed"))
    assert keys(project.plan("--since", "HEAD", "--only", "Dataset/*", "--exclude", "Dataset/below")) == [
        "Dataset/beside"
    ]
    assert keys(project.plan("--since", "HEAD", "manifests/beside.yaml")) == ["Dataset/below", "Dataset/beside"]
    assert keys(project.plan("--since", "HEAD", "--only", "EventStream/*")) == []


def test_apply_does_what_the_plan_says(project: Project) -> None:
    project.put("beside.yaml", dataset("beside", description="second"))
    drift(project, "below")
    digest = project.plan("--since", "HEAD")["changeDigest"]
    ran = project.apply("--since", "HEAD", "--expect", digest)
    assert "Dataset/beside" in ran.out
    assert project.control("GET", "state")["counts"]["Dataset"] == 2
    project.run("plan", "--since", "HEAD", "--out", "plan.json").ok()
    ran = project.run("apply", "--yes", "plan.json", "--since", "HEAD").ok(64)
    assert "planning options" in ran.err


def test_work_of_others_on_the_base_is_not_undone(project: Project) -> None:
    """The branch did not change what its base did since they parted."""
    repo = Repo(project.root)
    repo.git("checkout", "--quiet", "-b", "topic")
    project.put("mine.yaml", dataset("mine"))
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    project.put("beside.yaml", dataset("beside", description="second"), dataset("below"))
    repo.commit()
    project.apply()
    repo.git("checkout", "--quiet", "topic")
    assert keys(project.plan("--since", "main")) == ["Dataset/mine"]
    assert keys(project.plan()) == ["Dataset/beside", "Dataset/mine"]


def test_a_manifest_that_was_not_valid_counts_as_changed(project: Project) -> None:
    project.put("beside.yaml", dataset("beside", columns={"id": "strange"}), dataset("below"))
    Repo(project.root).commit()
    project.put("beside.yaml", dataset("beside"), dataset("below"))
    drift(project, "beside", "below")
    plan = project.plan("--since", "HEAD")
    assert keys(plan) == ["Dataset/beside"]
    assert "are not valid" in plan["warnings"][0]


@pytest.mark.parametrize(
    ("revision", "code", "words"), [("-n", 64, "is not a revision"), ("nowhere", 1, "there is no revision nowhere")]
)
def test_what_is_no_revision(project: Project, revision: str, code: int, words: str) -> None:
    for command in ("plan", "apply"):
        ran = project.run(command, "--since", revision).ok(code)
        assert ran.out == ""
        assert words in ran.err


def test_every_form_says_what_it_was_narrowed_to(project: Project) -> None:
    project.put("beside.yaml", dataset("beside", description="second"), dataset("below"))
    project.run("plan", "--since", "HEAD", "--only", "Dataset/*", "--out", "plan.json").ok()
    commit = Repo(project.root).git("rev-parse", "HEAD")[:12]
    for form in ("text", "json", "html"):
        text = project.run("show", "plan.json", "--format", form).ok().out
        assert f"--since HEAD ({commit})" in text
        assert "--only Dataset/*" in text
    assert commit in project.run("show", "plan.json", "--format", "markdown").ok().out
