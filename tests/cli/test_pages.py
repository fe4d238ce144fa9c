"""The commands of pages about working together are run as they stand there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.project import Project
from tests.support.tenant_project import dataset

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str) -> list[tuple[list[str], int]]:
    """The words after ``$ reconciler`` of each console line, and the exit code that the line names."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            command, _, code = line.partition("  # exit ")
            dollar, tool, *words = command.split()
            assert (dollar, tool) == ("$", "reconciler")
            found.append((words, int(code or 0)))
    return found


def test_drift(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.put("people.yaml", dataset("people"))
    ran = commands("drift.md")
    assert len(ran) == 5
    for words, code in ran:
        if "--write-back" in words:
            edit = {"kind": "Dataset", "name": "people", "patch": {"description": "console"}}
            project.control("POST", "edit", edit)
        project.run(*words).ok(code)


def test_pipelines(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    project = Project(tmp_path, {"CXONE_CLIENT_ID": "x", "CXONE_CLIENT_SECRET": "y"})
    for words, code in commands("pipelines.md"):
        project.run(*words).ok(code)
    assert (tmp_path / ".github/workflows/reconciler-review.yml").exists()
