"""A secret that is out of reach where a plan is made: the plan says so, and applying it writes nothing half."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project, manifest

CONNECTOR = {
    "connectorType": "CUSTOM",
    "endpointUrl": "https://crm.example.com",
    "version": "1.0.0",
    "authentication": {"type": "BASIC", "credentials": {"username": "cxone", "password": "${secret:env:CRM_PASSWORD}"}},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "project")
    made.put("crm.yaml", manifest("Connector", "crm", CONNECTOR))
    return made


def test_the_plan_of_a_create_says_so_and_its_file_too(project: Project) -> None:
    planned = project.run("plan", "--out", str(project.root / "plan.json")).ok().out
    assert "password: (secret, not checked here)" in planned
    assert project.run("show", str(project.root / "plan.json")).ok().out == planned
    assert "not checked" not in project.run("plan", CRM_PASSWORD="canary").ok().out


def test_applying_needs_the_secret(project: Project) -> None:
    refused = project.run("apply", "--yes").ok(78)
    assert "CRM_PASSWORD" in refused.err
    assert project.run("plan").ok().out.startswith("1 to create")
    project.run("apply", "--yes", CRM_PASSWORD="canary").ok()
    assert project.run("plan").ok().out.startswith("No changes.")
