"""``drift --write-back``: the manifests say what is live, and nothing that came from somewhere else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.loading.atomic import write_atomically
from tests.support.project import Project, manifest
from tests.support.tenant_project import action, connector, dataset, stream

PEOPLE = """\
# The people.
apiVersion: cxone.reconciler/v1
kind: Dataset
metadata:
  name: people
spec:
  description: first # said so
  primaryKey: id
  columns:
    id: string
    # in years
    age: number
    nick: {type: string, maxLength: 10} # short
"""


def edit(project: Project, kind: str, name: str, **patch: Any) -> None:
    project.control("POST", "edit", {"kind": kind, "name": name, "patch": patch, "by": "maria@console"})


def written_back(project: Project, *more: str) -> Any:
    """Write back; what is there then has canonical layout and an empty plan behind it."""
    ran = project.run("drift", "--write-back", *more).ok(2)
    project.run("fmt", "--check", str(project.root / "manifests")).ok(0)
    project.run("plan", "--detailed-exitcode").ok(0)
    project.run("drift").ok(2 if "Left as it is" in ran.out else 0)
    return ran


def test_values_change_and_comments_stay(project: Project) -> None:
    path = project.put("people.yaml", PEOPLE)
    project.apply()
    columns = {
        "id": {"type": "string", "nullable": False},
        "age": {"type": "string", "maxLength": 3, "nullable": True},
        "nick": {"type": "string", "maxLength": 20, "nullable": True},
        "born": {"type": "date", "nullable": True},
    }
    edit(project, "Dataset", "people", description="by hand", columns=columns)
    ran = project.run("drift", "--write-back").ok(2)
    expected = (
        PEOPLE.replace("description: first #", "description: by hand #")
        .replace("age: number", "age: {type: string, maxLength: 3}")
        .replace("maxLength: 10}", "maxLength: 20}")
    )
    assert path.read_text(encoding="utf-8") == expected + "    born: date\n"
    assert ran.err == ""
    assert "Written back (5 in 1 file)" in ran.out
    assert "  manifests/people.yaml:7 Dataset/people description\n" in ran.out
    project.run("fmt", "--check", str(project.root / "manifests")).ok(0)
    project.run("plan", "--detailed-exitcode").ok(0)


def test_what_is_gone_live_goes_from_the_manifest(project: Project) -> None:
    path = project.put("people.yaml", PEOPLE)
    project.apply()
    columns = {"id": {"type": "string", "nullable": False}, "age": {"type": "number", "nullable": True}}
    edit(project, "Dataset", "people", description=None, columns={**columns, "nick": None})
    written_back(project)
    text = path.read_text(encoding="utf-8")
    assert 'description: "" # said so' in text
    assert "nick" not in text
    assert "# in years" in text


def test_lists_and_references(project: Project) -> None:
    project.environ["SECRET_ONE"] = "x"
    project.write("code/index.js", "exports.handler = async () => ({});\n")
    project.put("a.yaml", action("one"), action("two"))
    path = project.put("s.yaml", stream("s", "DataAction/one", eventTypes=["call", "chat"]))
    project.apply()
    other = project.entries["DataAction/two"]["id"]
    edit(project, "EventStream", "s", actionId=other, eventTypes=["email", "chat"])
    written_back(project)
    text = path.read_text(encoding="utf-8")
    assert "DataAction/two" in text
    assert '"chat", email' in text


@pytest.fixture
def mapped(project: Project) -> Project:
    project.put("people.yaml", dataset("people"))
    return project


def test_items_of_shared_mappings(mapped: Project) -> None:
    """An edit that would move another connector is given up; where both moved alike, it is made once."""
    mapping = {"mappings": [{"cxoneField": "phone", "crmField": "Phone", "direction": "OUTBOUND"}]}
    shared = {"apiVersion": "cxone.reconciler/v1", "kind": "FieldMapping", "metadata": {"name": "m"}, "spec": mapping}
    one = connector("one", mappings=[], mappingRefs=["FieldMapping/m"])
    two = connector("two", mappings=[], mappingRefs=["FieldMapping/m"])
    mapped.put("m.yaml", shared)
    mapped.put("c.yaml", one, two)
    mapped.environ["SECRET_ONE"] = "x"
    mapped.apply()
    live = [{"cxoneField": "phone", "crmField": "Mobile", "direction": "OUTBOUND"}]
    edit(mapped, "Connector", "one", mappings=live)
    ran = mapped.run("drift", "--write-back").ok(2)
    assert "Connector/two takes the same value from there" in ran.out
    assert "Mobile" not in (mapped.root / "manifests/m.yaml").read_text(encoding="utf-8")
    edit(mapped, "Connector", "two", mappings=live)
    written_back(mapped)
    assert "Mobile" in (mapped.root / "manifests/m.yaml").read_text(encoding="utf-8")


def test_what_came_from_elsewhere_is_reported(project: Project) -> None:
    project.put("people.yaml", dataset("people", description="in ${var:region}"))
    anchored = dataset("anchored")
    text = f"""\
apiVersion: {anchored["apiVersion"]}
kind: Dataset
metadata: {{name: anchored, annotations: {{why: &why shared}}}}
spec:
  description: *why
  primaryKey: id
  columns: {{id: string}}
"""
    project.put("anchored.yaml", text)
    project.put("patched.yaml", dataset("patched"))
    project.write("patch.yaml", "kind: Dataset\nmetadata: {name: patched}\nspec: {description: patched}\n")
    settings = (project.root / "reconciler.yaml").read_text(encoding="utf-8")
    target = '"local": {"url": "emulator:", "vars": {"region": "emea"}, "patches": ["patch.yaml"]}'
    project.write("reconciler.yaml", settings.replace('"local": {"url": "emulator:"}', target))
    project.apply()
    for name in ("people", "anchored", "patched"):
        edit(project, "Dataset", name, description="console")
    before = {path: path.read_bytes() for path in (project.root / "manifests").iterdir()}
    ran = project.run("drift", "--write-back", "--format", "json").ok(2)
    assert ran.json["writeBack"]["written"] == []
    reasons = {item["key"]: item["reason"] for item in ran.json["writeBack"]["left"]}
    assert reasons == {
        "Dataset/anchored": "it comes through an alias",
        "Dataset/patched": "its value comes from the patch patch.yaml",
        "Dataset/people": "its value comes through ${var:region}",
    }
    assert {path: path.read_bytes() for path in before} == before


def test_what_would_not_be_valid_is_left_and_the_rest_is_written(project: Project) -> None:
    """A mapping needs one of the columns that are gone live; the other one goes."""
    fields = [{"source": name, "target": name} for name in ("id", "age")]
    mapping = {"mappings": fields, "validateAgainst": "Dataset/people"}
    project.put("m.yaml", manifest("FieldMapping", "m", mapping))
    columns = {"id": "string", "age": "number", "nick": "string", "size": "number"}
    path = project.put("people.yaml", dataset("people", columns=columns))
    project.apply()
    edit(project, "Dataset", "people", description="console", columns={"age": None, "nick": None, "size": None})
    ran = project.run("drift", "--write-back").ok(2)
    assert "Written back (3 in 1 file)" in ran.out
    assert "columns.age: the manifests would not be valid" in ran.out
    text = path.read_text(encoding="utf-8")
    assert "age" in text
    assert "nick" not in text
    assert "size" not in text
    assert "console" in text


def test_conflicts_and_what_is_gone_are_left(project: Project) -> None:
    project.put("gone.yaml", dataset("gone"))
    project.apply()
    project.put("people.yaml", dataset("people", description="git"))
    edit(project, "Dataset", "people", description="console")
    project.control("POST", "delete", {"kind": "Dataset", "name": "gone"})
    ran = project.run("drift", "--write-back").ok(2)
    assert "Left as it is (2)" in ran.out
    assert "git changed it as well" in ran.out
    assert "it is gone from the tenant" in ran.out


def test_nothing_to_write_back(project: Project) -> None:
    project.apply()
    ran = project.run("drift", "--write-back").ok(0)
    assert (ran.out, ran.err) == ("No drift. Every declared field is as it was last applied.\n", "")
    assert project.run("drift", "--write-back", "--format", "json").ok(0).json["writeBack"]["files"] == []


def test_links_stay_links(project: Project) -> None:
    project.put("people.yaml", PEOPLE)
    project.apply()
    edit(project, "Dataset", "people", description="console")
    path = project.root / "manifests"
    (path / "people.yaml").rename(project.root / "kept.yaml")
    (path / "people.yaml").symlink_to("../kept.yaml")
    project.run("drift", "--write-back").ok(2)
    assert (path / "people.yaml").is_symlink()
    assert "description: console" in (project.root / "kept.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_reports_say_what_was_written_and_what_was_left(project: Project, form: str) -> None:
    """They are what the reviewers of the edits read."""
    project.put("people.yaml", PEOPLE)
    project.put("shared.yaml", dataset("shared", description="${env:WHAT}"))
    project.apply(WHAT="first")
    edit(project, "Dataset", "people", description="by hand")
    edit(project, "Dataset", "shared", description="by hand")
    file = project.root / "report"
    project.run("drift", "--write-back", "--report", f"{form}={file}", WHAT="first").ok(2)
    text = file.read_text(encoding="utf-8").replace("&#58;", ":").replace("&#36;", "$")
    text = text.replace("&#123;", "{").replace("&#125;", "}")
    assert text.rindex("Written back") < text.index("manifests/people.yaml:7") < text.rindex("Left as it is")
    assert "its value comes through ${env:WHAT}" in text[text.rindex("Left as it is") :]
    project.run("drift", "--report", f"{form}={file}", WHAT="first").ok(2)
    assert "Written back" not in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_leaves_the_others_written(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Path, *rest: Any, **more: Any) -> None:
        if path.name == "locked.yaml":
            raise PermissionError(13, "Permission denied")
        write_atomically(path, *rest, **more)

    paths = [project.put(f"{name}.yaml", dataset(name)) for name in ("early", "locked", "vast")]
    project.apply()
    for path in paths:
        edit(project, "Dataset", path.stem, description="by hand")
    monkeypatch.setattr("reconciler.loading.format_files.write_atomically", refusing)
    ran = project.run("drift", "--write-back", "--format", "json").ok(2)
    account = ran.json["writeBack"]
    assert account["files"] == ["manifests/early.yaml", "manifests/vast.yaml"]
    assert [item["key"] for item in account["written"]] == ["Dataset/early", "Dataset/vast"]
    (left,) = account["left"]
    assert left["key"] == "Dataset/locked"
    assert left["reason"] == "manifests/locked.yaml cannot be written: Permission denied"
    assert ["by hand" in path.read_text(encoding="utf-8") for path in paths] == [True, False, True]
