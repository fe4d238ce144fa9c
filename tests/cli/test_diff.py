"""``diff --base``: what a branch declares otherwise, offline, without credentials, safe on anybody's branch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.git import Repo
from tests.support.kind_examples import CODE, EXAMPLES
from tests.support.project import Project, manifest
from tests.support.tenant_project import action, connector, dataset, stream

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
COLUMNS = {"id": "string", "age": "number"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a subfolder of a repository, committed once."""
    Repo.create(tmp_path / "repo")
    made = Project.create(tmp_path / "repo" / "tenant")
    made.put("people.yaml", dataset("people"))
    commit(made)
    return made


def commit(project: Project) -> str:
    project.write(".gitignore", ".reconciler/\n")
    return Repo(project.root.parent).commit()


def diff(project: Project, *arguments: str, base: str = "HEAD", code: int = 0, **environ: str) -> dict[str, Any]:
    found = project.run("diff", "--base", base, "--format", "json", *arguments, **environ).ok(code)
    assert found.err == ""
    jsonschema_rs.validator_for(json.loads((SCHEMAS / "diff.json").read_bytes())).validate(found.json)
    return dict(found.json)


def items(data: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["status"] for item in data["items"]}


def settings(project: Project, **spec: Any) -> None:
    body = {"apiVersion": "cxone.reconciler/v1", "kind": "Project", "metadata": {"name": "demo"}, "spec": spec}
    project.write("reconciler.yaml", json.dumps(body))


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
