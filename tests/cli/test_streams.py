"""Standard streams as shells hand them over: closed, full, or with a reader who has seen enough."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.tenant_project import dataset

TABLES = 40


@pytest.fixture
def many(tmp_path: Path) -> Project:
    project = Project.create(tmp_path)
    project.put("tables.yaml", *(dataset(f"table-{number}", description="x" * 3000) for number in range(TABLES)))
    return project


def shell(project: Project, line: str) -> subprocess.CompletedProcess[str]:
    """A line of shell in which ``r`` is the command."""
    script = f'r() {{ "{sys.executable}" -m reconciler "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], cwd=project.root, capture_output=True, text=True, timeout=120, check=False
    )


def test_an_apply_goes_on_when_its_reader_has_left(many: Project) -> None:
    ran = shell(many, "r apply --yes --format json | head -c 10; exit ${PIPESTATUS[0]}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(many.entries) == TABLES
    many.converged()


def test_an_apply_goes_on_when_nobody_reads_its_progress(many: Project) -> None:
    ran = shell(many, "r apply --yes 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}")
    assert ran.returncode == 0
    assert len(many.entries) == TABLES


def test_a_plan_whose_reader_has_left_keeps_its_exit_code(many: Project) -> None:
    ran = shell(many, "r plan --detailed-exitcode --format json | head -c 10; exit ${PIPESTATUS[0]}")
    assert (ran.returncode, ran.stderr) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
def test_an_output_that_is_full_is_an_error_and_no_traceback(many: Project) -> None:
    for command in ("plan", "apply --yes", "apply --yes --format json"):
        ran = shell(many, f"r {command} >/dev/full")
        assert ran.returncode == 1
        assert ran.stderr.startswith("error[X001]: the output cannot be written: No space left on device")
        assert "Traceback" not in ran.stderr
    assert not (many.state / "ledger.json").exists(), "what cannot be shown is not applied"


def test_streams_that_are_closed_are_done_without(many: Project) -> None:
    assert shell(many, "r plan >&-").returncode == 0
    assert shell(many, "r apply --yes >&- 2>&- <&-").returncode == 0
    assert len(many.entries) == TABLES
    assert shell(many, "r apply <&-").returncode == 0
    assert json.loads(shell(many, "r drift --format json 2>&-").stdout)["changes"] == []
