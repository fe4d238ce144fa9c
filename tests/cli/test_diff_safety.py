"""``diff --base`` on anybody's branch: secrets, sides that are not valid, and repositories of all sorts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.git import Repo
from tests.support.kind_examples import CODE, EXAMPLES
from tests.support.project import Project, manifest
from tests.support.revisions import commit, committed_project, diff, items, settings
from tests.support.tenant_project import action, connector, dataset


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return committed_project(tmp_path / "repo")


def test_secrets_are_their_references_and_nothing_is_read(project: Project) -> None:
    project.put("crm.yaml", connector("crm"))
    project.write("code/index.js", CODE)
    project.put("action.yaml", action("enrich", environment={"A": "plain-before", "B": "${secret:env:ONE}"}))
    project.put("env.yaml", dataset("env", description="${env:TOKEN} and more"))
    commit(project)
    project.put("action.yaml", action("enrich", environment={"A": "${secret:env:ONE}", "B": "${secret:file:two.txt}"}))
    project.put("env.yaml", dataset("env", description="${env:OTHER} and more"))
    project.write("two.txt", "the-second-value")
    ran = project.run(
        "diff", "--base", "HEAD", "--format", "json", ONE="the-first-value", TOKEN="t0ken", OTHER="0ther"
    ).ok()
    for value in ("the-first-value", "the-second-value", "plain-before", "t0ken", "0ther"):
        assert value not in ran.all
    fields = {
        field["label"]: (field["before"], field["after"]) for item in ran.json["items"] for field in item["fields"]
    }
    marker = "@reconciler"
    assert fields["description"] == ("${env:TOKEN} and more", "${env:OTHER} and more")
    assert fields["environment.A"][0] == {marker: {"masked": True}}
    assert fields["environment.B"][1] == {marker: {"secret": "file:two.txt", "fingerprint": ""}}
    text = project.run("diff", "--base", "HEAD").ok().out
    assert '"${secret:env:ONE}" → "${secret:file:two.txt}"' in text
    assert project.run("diff", "--base", "HEAD", "--format", "markdown").ok().out.count("plain-before") == 0


def test_an_environment_that_is_not_there_makes_nothing_invalid(project: Project) -> None:
    """Numbers, formats and references that come from variables are not judged by their text."""
    example = {**EXAMPLES["Connector"].spec, "endpointUrl": "https://${env:HOST}/api"}
    project.put("crm.yaml", manifest("Connector", "crm", example))
    assert items(diff(project)) == {"Connector/crm": "added"}


def test_a_later_side_that_is_not_valid(project: Project) -> None:
    project.put("people.yaml", dataset("people", columns={"id": "strange"}))
    ran = project.run("diff", "--base", "HEAD").ok(78)
    assert ran.out == ""
    assert "manifests/people.yaml" in ran.err
    commit(project)
    ran = project.run("diff", "--base", "HEAD~1", "--head", "HEAD").ok(78)
    assert "manifests/people.yaml" in ran.err


def test_an_earlier_side_that_is_not_valid_is_compared_as_far_as_it_is(project: Project) -> None:
    project.put("people.yaml", dataset("people", columns={"id": "strange"}))
    project.put("good.yaml", dataset("good"))
    project.put("broken.yaml", "kind: [")
    commit(project)
    project.put("people.yaml", dataset("people"))
    project.put("good.yaml", dataset("good", description="second"))
    project.put("broken.yaml", dataset("was-broken"))
    project.put("new.yaml", dataset("new"))
    data = diff(project)
    assert items(data) == {"Dataset/good": "changed", "Dataset/new": "added"}
    assert data["leftOut"] == ["Dataset/people", "Dataset/was-broken"]
    assert "are not valid (2 errors" in data["warnings"][0]
    assert "Not compared (2)" in project.run("diff", "--base", "HEAD", "--detailed-exitcode").ok(2).out


def test_a_literal_secret_of_an_invalid_revision_is_never_shown(project: Project) -> None:
    spec = EXAMPLES["Connector"].spec
    written = {**spec, "authentication": {"type": "API_KEY", "credentials": {"headerName": "X", "apiKey": "hunter2"}}}
    fixed = {
        **spec,
        "authentication": {"type": "API_KEY", "credentials": {"headerName": "X", "apiKey": "${secret:env:K}"}},
    }
    project.put("crm.yaml", manifest("Connector", "crm", written))
    commit(project)
    project.put("crm.yaml", manifest("Connector", "crm", fixed))
    for form in ("text", "json", "markdown", "html"):
        assert "hunter2" not in project.run("diff", "--base", "HEAD", "--full", "--format", form).ok().all


@pytest.mark.parametrize("broken", [None, "spec: [", "kind: Other\n"])
def test_an_earlier_project_file_that_is_missing_or_wrong(project: Project, broken: str | None) -> None:
    kept = (project.root / "reconciler.yaml").read_text(encoding="utf-8")
    if broken is None:
        (project.root / "reconciler.yaml").unlink()
    else:
        project.write("reconciler.yaml", broken)
    commit(project)
    project.write("reconciler.yaml", kept)
    data = diff(project)
    if broken is None:
        assert data["warnings"] == ["there is no project at HEAD: everything is new"]
        assert items(data) == {"Dataset/people": "added"}
    else:
        assert "today's is taken" in data["warnings"][0]
        assert items(data) == {}


def test_outside_of_a_repository(tmp_path: Path) -> None:
    lonely = Project.create(tmp_path / "lonely")
    lonely.put("people.yaml", dataset("people"))
    ran = lonely.run("diff", "--base", "HEAD").ok(1)
    assert "is not in a git repository" in ran.err
    assert "error[X004]" in ran.err


def test_a_shallow_clone_of_a_branch(project: Project, tmp_path: Path) -> None:
    repo = Repo(project.root.parent)
    base = repo.git("rev-parse", "HEAD")
    project.put("new.yaml", dataset("new"))
    commit(project)
    repo.git("config", "uploadpack.allowReachableSHA1InWant", "true")
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    there = Project(tmp_path / "shallow" / "tenant")
    assert "fetch-depth: 0" in there.run("diff", "--base", base).ok(1).err
    Repo(tmp_path / "shallow").git("fetch", "--quiet", "--depth=1", "origin", base)
    assert "where the two revisions parted" in there.run("diff", "--base", base).ok(1).err
    Repo(tmp_path / "shallow").git("fetch", "--quiet", "--unshallow")
    assert items(diff(there, base=base)) == {"Dataset/new": "added"}


def test_pointers_of_large_files(project: Project) -> None:
    """Whether the work tree has the pointer or the content, it is the same file."""
    content = b"the real content"
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"
    )
    project.write("code/index.js", CODE)
    project.write("code/model.bin", pointer)
    project.put("action.yaml", action("enrich"))
    commit(project)
    assert items(diff(project)) == {}
    (project.root / "code" / "model.bin").write_bytes(content)
    data = diff(project)
    assert items(data) == {}
    assert "Git LFS pointer" in data["warnings"][0]
    (project.root / "code" / "model.bin").write_bytes(b"other")
    assert diff(project)["items"][0]["bundleFiles"] == [["model.bin", "changed"]]


def test_nothing_of_a_branch_is_executed_or_read_beyond_it(project: Project, tmp_path: Path) -> None:
    repo = Repo(project.root.parent)
    (tmp_path / "outside").write_text("outside-value", encoding="utf-8")
    base = repo.git("rev-parse", "HEAD")
    (project.root / "text").symlink_to("../../outside")
    project.put("a.yaml", dataset("a", description="${file:text}"))
    repo.write(".gitattributes", "* filter=trap diff=trap\n")
    commit(project)
    trap = tmp_path / "sprung"
    for name in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "core.fsmonitor"):
        repo.git("config", name, f"touch {trap}; cat")
    for head in ((), ("--head", "HEAD")):
        ran = project.run("diff", "--base", base, *head).ok(78)
        assert "leaves the project" in ran.err
        assert "outside-value" not in ran.all
    project.put("a.yaml", dataset("a"))
    assert items(diff(project, base=base)) == {"Dataset/a": "added"}
    assert not trap.exists()


def test_git_s_own_files_are_none_of_the_project(tmp_path: Path) -> None:
    """A checkout may have left a token there, and a stranger's manifest could print it."""
    repo = Repo.create(tmp_path / "repo")
    made = Project.create(repo.root)
    made.put("a.yaml", dataset("a", description="${file:.git/config}"))
    repo.git("config", "http.extraheader", "AUTHORIZATION: t0ken")
    repo.commit()
    ran = made.run("diff", "--base", "HEAD").ok(78)
    assert "belongs to git" in ran.err
    assert "t0ken" not in ran.all


def test_a_submodule_that_is_not_looked_into_is_named(tmp_path: Path) -> None:
    """Manifests in another repository: what does not exist at the revision is there on disk."""
    project = committed_project(tmp_path / "repo")
    repo = Repo(tmp_path / "repo")
    tip = Repo.create(tmp_path / "other").commit()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{tip},tenant/shared")
    (project.root / "shared").mkdir()
    repo.git("commit", "--quiet", "--message", "a submodule")
    assert diff(project)["warnings"] == []
    settings(project, manifests=["manifests", "shared/manifests"])
    project.write("shared/manifests/more.yaml", json.dumps(dataset("more")))
    repo.git("commit", "--quiet", "--all", "--message", "its manifests")
    said = diff(project)["warnings"]
    assert said[-1] == "at HEAD shared is a submodule, which is not looked into"
    assert "names shared/manifests, which does not exist" in said[0]


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    """What it led to may have been manifests, and a revision cannot be mended."""
    project = committed_project(tmp_path / "repo")
    (project.root / "manifests" / "shared").symlink_to("../elsewhere")
    commit(project)
    (project.root / "manifests" / "shared").unlink()
    assert diff(project)["warnings"] == ["at HEAD manifests/shared is a link that leads to nothing there"]
