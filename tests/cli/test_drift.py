"""``drift``: what changed behind git's back, who did it, and what nobody declares."""

from __future__ import annotations

from tests.support.project import Project
from tests.support.tenant_project import dataset


def _edit(project: Project) -> None:
    body = {"kind": "Dataset", "name": "people", "patch": {"description": "console"}, "by": "maria@console"}
    project.control("POST", "edit", body)


def test_codes_and_text(project: Project) -> None:
    project.apply()
    ran = project.run("drift").ok(0)
    assert (ran.out, ran.err) == ("No drift. Every declared field is as it was last applied.\n", "")
    _edit(project)
    ran = project.run("drift").ok(2)
    assert "Dataset/people" in ran.out
    assert "maria@console" in ran.out
    assert "first" in ran.out
    assert "console" in ran.out
    assert ran.err == ""


def test_what_git_changed_is_not_drift(project: Project) -> None:
    project.apply()
    project.put("people.yaml", dataset("people", description="second"))
    project.put("new.yaml", dataset("new"))
    assert project.run("drift").ok(0)
    _edit(project)
    ran = project.run("drift", "--format", "json").ok(2)
    assert ran.json["drift"] == ["Dataset/people"]
    assert [item["status"] for item in ran.json["changes"][0]["fields"]] == ["both"]


def test_what_vanished_is_drift_with_and_without_its_manifest(project: Project) -> None:
    project.apply()
    project.control("POST", "delete", {"kind": "Dataset", "name": "people"})
    assert "1 missing" in project.run("drift").ok(2).out
    project.clear()
    project.put("other.yaml", dataset("other"))
    assert "1 missing" in project.run("drift").ok(2).out


def test_unmanaged_names_every_kind(project: Project) -> None:
    """Also of kinds that the project has no manifest of."""
    project.apply()
    project.control("POST", "seed", {"seed": 1, "resources": 2, "kinds": {"Dataset": 1, "DataExtension": 1}})
    ran = project.run("drift", "--unmanaged").ok(0)
    assert "Unmanaged (2)" in ran.out
    assert "DataExtension" in ran.out
    found = project.run("drift", "--unmanaged", "--format", "json").ok(0).json["unmanaged"]
    assert sorted(item["kind"] for item in found) == ["DataExtension", "Dataset"]
    assert "unmanaged" not in project.run("drift", "--format", "json").ok(0).json


def test_unmanaged_names_what_has_lost_its_manifest(project: Project) -> None:
    project.put("later.yaml", dataset("later"))
    project.apply()
    assert (
        "Nothing unmanaged: a manifest declares every live resource." in project.run("drift", "--unmanaged").ok(0).out
    )
    (project.root / "manifests" / "later.yaml").unlink()
    project.put("people.yaml", dataset("folk", name="people", metadata={"movedFrom": "Dataset/people"}))
    project.put("other.yaml", dataset("other"))
    ran = project.run("drift", "--unmanaged").ok(0)
    (line,) = [line for line in ran.out.splitlines() if "later" in line]
    assert line.endswith("; applied by this project, and its manifest is gone)")
    (found,) = project.run("drift", "--unmanaged", "--format", "json").ok(0).json["unmanaged"]
    assert (found["kind"], found["name"]) == ("Dataset", "later")


def test_reports(project: Project) -> None:
    project.apply()
    _edit(project)
    project.run("drift", "--report", "markdown=drift.md", "--report", "json=drift.json").ok(2)
    assert "Dataset/people" in (project.root / "drift.md").read_text(encoding="utf-8")
