"""``doctor``: one line for each thing that a command needs, with the fix where it fails."""

from __future__ import annotations

from pathlib import Path

from tests.support.cxone import closed_port
from tests.support.project import Project
from tests.support.tenant_project import dataset


def test_all_is_well(project: Project) -> None:
    project.apply()
    ran = project.run("doctor").ok(0)
    assert ran.err == ""
    assert "FAIL" not in ran.out
    for subject in ("project", "manifests", "ledger", "Connector", "Dataset", "scopes"):
        assert subject in ran.out
    found = project.run("doctor", "--format", "json").ok(0).json
    assert {item["state"] for item in found} <= {"ok", "warn"}


def test_each_failure_comes_with_its_fix(tmp_path: Path) -> None:
    with closed_port() as port:
        project = Project.create(tmp_path, url=f"http://127.0.0.1:{port}", target={"timeoutSeconds": 1})
        project.put("people.yaml", dataset("people", primaryKey="nothing"))
        ran = project.run("doctor", "--format", "json").ok(1)
    failed = [item for item in ran.json if item["state"] == "FAIL"]
    assert "manifests" in {item["subject"] for item in failed}
    assert all(item["message"] for item in failed)
    assert len(failed) > 1


def test_without_credentials(tmp_path: Path) -> None:
    project = Project.create(tmp_path, url="http://127.0.0.1:9")
    project.put("people.yaml", dataset("people"))
    del project.environ["TEST_CLIENT_SECRET"]
    ran = project.run("doctor").ok(1)
    assert "TEST_CLIENT_SECRET" in ran.out
    assert project.run("plan").ok(78).err.count("TEST_CLIENT_SECRET") >= 1
