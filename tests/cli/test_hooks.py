"""The pre-commit hooks that this repository publishes: valid, and what they call does what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.project import Project
from tests.support.yaml_plain import load_yaml

HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


def test_the_file_is_what_pre_commit_takes() -> None:
    command = [str(Path(sys.executable).parent / "pre-commit"), "validate-manifest", str(HOOKS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_entries(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    text = "spec:\n    primaryKey: id\n    columns: {id: string}\nkind: Dataset\nmetadata: {name: people}\n"
    path = project.put("people.yaml", f"apiVersion: cxone.reconciler/v1\n{text}")
    entries = {hook["id"]: hook["entry"].split()[1:] for hook in load_yaml(HOOKS.read_text(encoding="utf-8"))}
    before = path.read_text(encoding="utf-8")
    project.run(*entries["reconciler-validate"]).ok()
    project.run(*entries["reconciler-fmt"]).ok()
    assert path.read_text(encoding="utf-8") != before
    path.write_text("not: [valid", encoding="utf-8")
    project.run(*entries["reconciler-validate"]).ok(78)
