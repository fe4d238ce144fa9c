"""What is wrong in the project file is shown by every command alike: all of it, each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project

WRONG = """\
apiVersion: cxone.reconciler/v1
kind: Project
metadata: {name: demo}
spec:
  prnue: true
  guards: {maxDeletes: many}
"""

COMMANDS = (
    "plan",
    "apply --yes",
    "drift",
    "adopt Dataset/a",
    "forget Dataset/a",
    "graph",
    "fmt",
    "ledger list",
    "audit",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_finding_has_its_place_and_excerpt(tmp_path: Path, command: str) -> None:
    project = Project(tmp_path)
    project.write("reconciler.yaml", WRONG)
    ran = project.run(*command.split()).ok(78)
    assert ran.out == ""
    for part in ("reconciler.yaml:5:3", "did you mean `prune`?", "reconciler.yaml:6:24", "  prnue: true", "2 errors"):
        assert part in ran.err
    assert ran.err == project.run("validate").ok(78).out


def test_machine_formats_get_them_as_their_document(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("reconciler.yaml", WRONG)
    assert [item["line"] for item in project.run("plan", "--format", "json").ok(78).json["diagnostics"]] == [5, 6]
