"""docs/diff.md: its commands run on a branch like the one that it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.git import Repo
from tests.support.project import Project, manifest
from tests.support.tenant_project import dataset

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "diff.md").read_text(encoding="utf-8")
COLUMNS = {"id": "string", "amount": "number"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A clone of a project, on a branch that drops a column and adds a dataset."""
    origin = Repo.create(tmp_path / "origin")
    made = Project.create(origin.root)
    made.write(".gitignore", ".reconciler/\n")
    made.write("orders.csv", "id,total\n")
    made.put("orders.yaml", dataset("orders", columns=COLUMNS))
    mapping = {"mappings": [{"source": "ref", "target": "id"}], "validateAgainst": "Dataset/orders"}
    made.put("mapping.yaml", manifest("FieldMapping", "orders", mapping))
    source = {"path": "orders.csv", "format": "csv"}
    made.put("job.yaml", manifest("Ingestion", "orders", {"datasetRef": "orders", "source": source}))
    origin.commit()
    origin.git("clone", "--quiet", str(origin.root), str(tmp_path / "clone"))
    branch = Repo(tmp_path / "clone")
    branch.git("checkout", "--quiet", "-b", "topic")
    clone = Project(branch.root)
    clone.put("orders.yaml", dataset("orders", columns={"id": "string"}))
    clone.put("returns.yaml", dataset("returns"))
    branch.commit()
    return clone


def test_the_commands_run(project: Project) -> None:
    lines = [line for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 8
    seen = set()
    for line in lines:
        prompt, program, command, *words = shlex.split(line)
        assert (prompt, program) == ("$", "reconciler")
        code = 2 if "--detailed-exitcode" in words else 0
        assert project.run(command, *words).ok(code).out
        seen.add(command)
    assert seen == {"diff", "plan", "apply"}
    assert (project.root / "diff.md").read_text(encoding="utf-8").startswith("<!-- reconciler-diff -->")


def test_it_says_what_the_page_shows(project: Project) -> None:
    shown = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
    out = project.run("diff", "--base", "origin/main").ok().out
    for line in shown.splitlines()[3:]:
        if line.strip() not in ("", "…"):
            assert line in out.splitlines(), line
    assert out.splitlines()[0].startswith(shown.splitlines()[0].partition(" (")[0])


def test_the_codes_are_those_of_the_command(project: Project) -> None:
    codes = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert codes == ["0", "2", "78", "1", "64"]
    assert project.run("diff", "--base", "origin/main").ok(0)
    assert project.run("diff", "--base", "origin/main", "--detailed-exitcode").ok(2)
    assert project.run("diff", "--base", "nowhere").ok(1)
    assert project.run("diff").ok(64)
    project.put("orders.yaml", json.dumps({"kind": "Nothing"}))
    assert project.run("diff", "--base", "origin/main").ok(78)
