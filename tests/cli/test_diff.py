"""``diff --base``: what a branch declares otherwise, offline, by what it means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.git import Repo
from tests.support.kind_examples import CODE
from tests.support.project import Project, manifest
from tests.support.revisions import commit, committed_project, diff, items, settings
from tests.support.tenant_project import action, dataset, stream


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return committed_project(tmp_path / "repo")


def test_codes_and_text(project: Project) -> None:
    ran = project.run("diff", "--base", "HEAD", "--detailed-exitcode").ok(0)
    first, origin = ran.out.splitlines()
    assert first == "No difference. 0 added, 0 changed, 0 removed (1 unchanged)"
    assert origin.startswith("from HEAD at ")
    assert origin.endswith(" to work tree, target local")
    assert ran.err == ""
    project.put("people.yaml", dataset("people", description="second"))
    assert project.run("diff", "--base", "HEAD").ok(0).out == project.run("diff", "--base", "main").ok(0).out.replace(
        "from main", "from HEAD"
    )
    ran = project.run("diff", "--base", "HEAD", "--detailed-exitcode").ok(2)
    assert "~ changed Dataset/people  manifests/people.yaml:1" in ran.out
    assert "description: first → second" in ran.out
    assert ran.err == ""


def test_added_removed_moved(project: Project) -> None:
    project.put("people.yaml", dataset("staff", metadata={"movedFrom": "Dataset/people"}), dataset("new"))
    data = diff(project)
    assert items(data) == {"Dataset/new": "added", "Dataset/staff": "moved"}
    assert data["items"][1]["movedFrom"] == "Dataset/people"
    assert "moved Dataset/staff" in project.run("diff", "--base", "HEAD").ok().out
    for key in ("Dataset/people", "Dataset/staff"):
        assert items(diff(project, "--only", key)) == {"Dataset/staff": "moved"}
    project.clear()
    project.put("new.yaml", dataset("new"))
    assert items(diff(project)) == {"Dataset/new": "added", "Dataset/people": "removed"}


def test_where_things_stand_is_no_difference(project: Project) -> None:
    """Another file, layout, comments and order of keys."""
    project.clear()
    text = json.dumps(dataset("people"), indent=4).replace("{", "{ # a comment\n", 1)
    project.put("deep/other.yaml", text)
    assert items(diff(project, "--detailed-exitcode")) == {}


def test_a_breaking_change_and_what_it_touches(project: Project) -> None:
    mapping = {"mappings": [{"source": "x", "target": "age"}], "validateAgainst": "Dataset/people"}
    source = {"path": "data.csv", "format": "csv"}
    project.write("data.csv", "id,x\n")
    project.put("mapping.yaml", manifest("FieldMapping", "m", mapping))
    project.put("job.yaml", manifest("Ingestion", "load", {"datasetRef": "people", "source": source}))
    commit(project)
    project.put(
        "people.yaml", dataset("people", columns={"id": "string", "age": {"type": "number", "nullable": False}})
    )
    (item,) = diff(project)["items"]
    assert item["effects"] == [{"effect": "breaking", "column": "age", "message": "must no longer be null"}]
    assert item["touches"] == ["FieldMapping/m", "Ingestion/load"]
    text = project.run("diff", "--base", "HEAD").ok().out
    assert "1 breaking" in text
    assert "touches: FieldMapping/m, Ingestion/load" in text
    project.put("job.yaml", manifest("Ingestion", "load", {"datasetRef": "people", "source": source, "batchSize": 900}))
    project.put("people.yaml", dataset("people"))
    (item,) = diff(project)["items"]
    assert (item["key"], item["class"]) == ("Ingestion/load", "job")


def test_code_is_compared_file_by_file(project: Project) -> None:
    project.write("code/index.js", CODE)
    project.write("code/old.js", "old")
    project.put("action.yaml", action("enrich"), stream("calls", "enrich"))
    commit(project)
    project.write("code/index.js", CODE + "// changed\n")
    (project.root / "code" / "old.js").unlink()
    project.write("code/new 'quoted'.js", "new")
    (item,) = diff(project)["items"]
    assert item["bundleFiles"] == [["index.js", "changed"], ["new 'quoted'.js", "added"], ["old.js", "removed"]]
    assert item["touches"] == ["EventStream/calls"]


def test_variables_patches_and_texts_show_where_they_are_used(project: Project) -> None:
    target = {"url": "emulator:", "vars": {"who": "ada"}, "patches": ["local.yaml"]}
    settings(project, targets={"local": target})
    project.write(
        "local.yaml", json.dumps({"kind": "Dataset", "metadata": {"name": "two"}, "spec": {"description": "p"}})
    )
    project.write("text.txt", "t\n")
    project.put("one.yaml", dataset("one", description="${var:who}"), dataset("two"), dataset("three"))
    project.put("four.yaml", dataset("four", description="${file:text.txt}"))
    commit(project)
    settings(project, targets={"local": {**target, "vars": {"who": "bob"}}}, prune=True)
    project.write(
        "local.yaml", json.dumps({"kind": "Dataset", "metadata": {"name": "two"}, "spec": {"description": "q"}})
    )
    project.write("text.txt", "u\n")
    data = diff(project)
    changes = {item["key"]: [(field["before"], field["after"]) for field in item["fields"]] for item in data["items"]}
    assert changes == {"Dataset/one": [("ada", "bob")], "Dataset/two": [("p", "q")], "Dataset/four": [("t", "u")]}
    assert [(field["label"], field["after"]) for field in data["settings"]] == [
        ("prune", True),
        ("targets.local.vars.who", "bob"),
    ]


def test_targets_are_compared_one_at_a_time(project: Project) -> None:
    settings(project, targets={"prod": {"url": "https://prod.example.com"}})
    project.put("people.yaml", dataset("people", metadata={"targets": ["prod"]}))
    data = diff(project, "-t", "prod")
    assert items(data) == {"Dataset/people": "added"}
    assert data["warnings"] == ["there is no target prod at HEAD: everything is new"]
    assert items(diff(project)) == {"Dataset/people": "removed"}


def test_it_is_where_the_branches_parted_that_counts(project: Project) -> None:
    repo = Repo(project.root.parent)
    repo.git("checkout", "--quiet", "-b", "topic")
    project.put("mine.yaml", dataset("mine"))
    commit(project)
    repo.git("checkout", "--quiet", "main")
    project.put("theirs.yaml", dataset("theirs"))
    commit(project)
    repo.git("checkout", "--quiet", "topic")
    data = diff(project, base="main")
    assert items(data) == {"Dataset/mine": "added"}
    assert data["before"]["label"] == "main (before they parted)"
    data = diff(project, "--head", "main", base="topic")
    assert items(data) == {"Dataset/theirs": "added"}
    assert (data["after"]["label"], data["after"]["detail"]) == ("main", repo.git("rev-parse", "main"))
    repo.git("checkout", "--quiet", "--orphan", "alone")
    commit(project)
    data = diff(project, base="main")
    assert data["warnings"] == ["the revisions have no history in common; they are compared as they are"]
    assert items(data) == {"Dataset/mine": "added", "Dataset/theirs": "removed"}


def test_two_revisions_do_not_look_at_the_work_tree(project: Project) -> None:
    project.put("people.yaml", dataset("people", description="second"))
    commit(project)
    project.put("people.yaml", "not: [valid")
    assert items(diff(project, "--head", "HEAD", base="HEAD~1")) == {"Dataset/people": "changed"}


def test_narrowing(project: Project) -> None:
    project.put("a/one.yaml", dataset("one", metadata={"labels": {"team": "x"}}))
    project.put("b/two.yaml", dataset("two"))
    project.put("people.yaml", dataset("people", description="second"))
    assert items(diff(project, "--only", "Dataset/o*")) == {"Dataset/one": "added"}
    assert items(diff(project, "--only", "team=x")) == {"Dataset/one": "added"}
    assert items(diff(project, "manifests/b", "manifests/people.yaml", "--exclude", "Dataset/people")) == {
        "Dataset/two": "added"
    }
    assert diff(project, "manifests/b")["narrowed"] == ["manifests/b"]
    (project.root / "manifests" / "people.yaml").unlink()
    assert items(diff(project, "manifests/people.yaml")) == {"Dataset/people": "removed"}
    ran = project.run("diff", "--base", "HEAD", "--only", "Connector/*").ok(64)
    assert "match no manifest" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 64, "say what to compare with"),
        (("--base", "-n"), 64, "is not a revision"),
        (("--base", "nowhere"), 1, "there is no revision nowhere"),
        (("--base", "HEAD", "--head", "nowhere"), 1, "there is no revision nowhere"),
        (("--base", "HEAD", "--report", "pdf=x"), 64, "FORMAT one of"),
        (("--base", "HEAD", "--report", "html=no/such/folder.html"), 64, "there is no folder"),
        (("--base", "HEAD", "../.."), 64, "not inside the project"),
        (("--base", "HEAD", "-t", "nowhere"), 78, "no target nowhere"),
    ],
)
def test_what_cannot_be_asked(project: Project, arguments: tuple[str, ...], code: int, words: str) -> None:
    ran = project.run("diff", *arguments).ok(code)
    assert ran.out == ""
    assert words in ran.err


def test_reports_say_the_same(project: Project) -> None:
    project.put(
        "people.yaml", dataset("people", columns={"id": "string"}, description="<script>alert(1)</script> ``` | x")
    )
    names = {form: f"out.{form}" for form in ("text", "json", "markdown", "html")}
    reports = [word for form, name in names.items() for word in ("--report", f"{form}={name}")]
    ran = project.run("diff", "--base", "HEAD", *reports).ok()
    made = {form: (project.root / name).read_text(encoding="utf-8") for form, name in names.items()}
    assert made["text"] == ran.out
    for text in made.values():
        assert "1 breaking" in text
        assert "people" in text
        assert "column is dropped" in text
    assert "<script>alert" not in made["html"]
    assert made["markdown"].startswith("<!-- reconciler-diff -->")
    for form in names:
        assert project.run("diff", "--base", "HEAD", "--format", form).ok().out == made[form]


def test_a_large_difference_stays_below_the_limit_of_a_comment(project: Project) -> None:
    columns = {f"column-{number}": "string" for number in range(60)}
    for number in range(300):
        project.put(f"d{number}.yaml", dataset(f"d{number}", columns={"id": "string", **columns}))
    text = project.run("diff", "--base", "HEAD", "--format", "markdown").ok().out
    assert len(text) < 65_536
    assert "more differences** do not fit here; `reconciler diff` prints the whole difference." in text


def test_the_same_bytes_whatever_the_hash_seed(project: Project) -> None:
    for number in range(5):
        project.put(f"d{number}.yaml", dataset(f"d{number}"))
    outs = {
        project.process("diff", "--base", "HEAD", "--format", form, PYTHONHASHSEED=seed).ok().out
        for seed in ("1", "2")
        for form in ("markdown",)
    }
    assert len(outs) == 1


def test_caches_know_both_sides(project: Project) -> None:
    """What a revision holds is parsed once, whatever side it is on."""
    project.put("people.yaml", dataset("people", description="second"))
    project.run("diff", "--base", "HEAD").ok()
    before = (project.root / ".reconciler" / "cache" / "documents").read_bytes()
    project.run("diff", "--base", "HEAD").ok()
    assert (project.root / ".reconciler" / "cache" / "documents").read_bytes() == before
    assert [path.name for path in (project.root / ".reconciler").iterdir()] == ["cache"]
