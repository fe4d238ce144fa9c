"""Projects in real repositories, and what ``diff --base`` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.support.git import Repo
from tests.support.project import Project
from tests.support.tenant_project import dataset

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def committed_project(root: Path) -> Project:
    """A project in a subfolder of a repository, committed once."""
    Repo.create(root)
    made = Project.create(root / "tenant")
    made.put("people.yaml", dataset("people"))
    commit(made)
    return made


def commit(project: Project) -> str:
    """Commit all that the project holds; the commit in hex."""
    project.write(".gitignore", ".reconciler/\n")
    return Repo(project.root.parent).commit()


def diff(project: Project, *arguments: str, base: str = "HEAD", code: int = 0, **environ: str) -> dict[str, Any]:
    """The difference as JSON, held against its schema."""
    found = project.run("diff", "--base", base, "--format", "json", *arguments, **environ).ok(code)
    assert found.err == ""
    jsonschema_rs.validator_for(json.loads((SCHEMAS / "diff.json").read_bytes())).validate(found.json)
    return dict(found.json)


def items(data: dict[str, Any]) -> dict[str, str]:
    """The status of each item by its key."""
    return {item["key"]: item["status"] for item in data["items"]}


def settings(project: Project, **spec: Any) -> None:
    """Write another project file."""
    body = {"apiVersion": "cxone.reconciler/v1", "kind": "Project", "metadata": {"name": "demo"}, "spec": spec}
    project.write("reconciler.yaml", json.dumps(body))
