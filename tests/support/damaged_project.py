"""A project that was applied, for tests that damage copies of what it keeps; no test writes to its tenant."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulator import running_emulator
from tests.support.privileges import unprivileged
from tests.support.project import Project, Ran
from tests.support.tenant_project import Setting, dataset

RIGHT = {"Dataset/more": "create", "Dataset/beside": "update"}
"""What a plan shows: since the apply one table was added to the manifests, and another one changed."""

OWNED = ("Connector/crm", "DataAction/enrich", "Dataset/beside", "EventStream/calls")
"""What was applied."""

BY_NAME = {**dict.fromkeys(OWNED, "adopt"), "Dataset/more": "create"}
"""What a plan shows without a ledger."""


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """The project, its tenant, and a saved plan of what changed since."""
    with running_emulator() as emulator:
        setting = Setting.make(tmp_path_factory.mktemp("applied") / "project", emulator)
        setting.chain()
        # One change after the other: what stands in a line of the journal is then the same each time.
        setting.project.apply("--parallelism", "1")
        setting.project.put("more.yaml", dataset("more"))
        text = (setting.project.root / "manifests" / "all.yaml").read_text(encoding="utf-8")
        setting.project.write("manifests/all.yaml", text.replace('"first"', '"second"'))
        setting.project.run("plan", "--out", "plan.json").ok()
        yield setting


@pytest.fixture
def copied(applied: Setting, tmp_path: Path) -> Iterator[Setting]:
    """A copy of the project, on the same tenant. Whatever happens to the copy, the tenant must get no write."""
    mark = applied.mark
    with unprivileged():
        yield _copy_of(applied, tmp_path / "project")
    assert applied.writes(mark) == []


@pytest.fixture
def repeated(applied: Setting, tmp_path: Path) -> Iterator[Setting]:
    """A copy of the project, on the same tenant, where what was sent may be sent again: the tenant stays as it is."""
    before = applied.emulator.control("GET", "state?secrets=true")
    yield _copy_of(applied, tmp_path / "project")
    assert applied.emulator.control("GET", "state?secrets=true") == before


def _copy_of(applied: Setting, folder: Path) -> Setting:
    shutil.copytree(applied.project.root, folder, symlinks=True)
    return Setting(Project(folder, applied.project.environ), applied.emulator)


def planned(project: Project) -> dict[str, str]:
    """What a plan would do, by key."""
    return {change["key"]: change["action"] for change in project.plan()["changes"]}


def refused(project: Project, code: str, place: str, *commands: list[str], exit_code: int = 1) -> None:
    """Each command ends with one error, which names the file and says what to do."""
    for command in commands:
        ran = project.run(*command).ok(exit_code)
        errors = [line for line in ran.err.splitlines() if line.startswith("error[")]
        assert len(errors) == 1, ran.all
        assert errors[0].startswith(f"error[{code}]"), ran.err
        assert place in errors[0], ran.err
        assert "\n  help: " in ran.err


def told(ran: Ran, subject: str) -> bool:
    """Whether ``ledger verify`` finds something wrong about a subject."""
    return any(line.startswith(f"FAIL  {subject}: ") for line in ran.out.splitlines())
