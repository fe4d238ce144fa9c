"""What tells whether kinds are the same: what is remembered of manifests stands and falls with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import kinds as package
from reconciler import model
from reconciler.engine.memory import kinds
from reconciler.engine.memory.kinds import deciding, stamp
from reconciler.engine.workspace import CACHE, load_workspace
from tests.support.project import Project
from tests.support.tenant_project import dataset


@pytest.fixture
def more_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which kinds are loaded, too; it holds no kind, but what one could be made of."""
    folder = tmp_path / "kinds"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "_shared.py").write_text("LONGEST = 10\n", encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    return folder


def test_what_any_file_of_the_kinds_holds_decides_and_not_when_it_was_written(more_kinds: Path) -> None:
    file = more_kinds / "parts" / "_shared.py"
    before = stamp()
    os.utime(file, (1, 1))
    assert stamp() == before
    file.write_text("LONGEST = 20\n", encoding="utf-8")
    assert stamp() != before


def test_the_base_of_their_models_decides_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp()
    other = tmp_path / "model.py"
    other.write_text("STRICT = False\n", encoding="utf-8")
    assert Path(kinds._BASE).samefile(model.__file__)
    monkeypatch.setattr(kinds, "_BASE", str(other))
    assert stamp() != before


def test_manifests_are_judged_again_by_kinds_that_changed(tmp_path: Path, more_kinds: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.put("people.yaml", dataset("people"))
    approved = project.root / CACHE / "approved"

    def judged() -> bytes:
        assert not load_workspace(project.root, environ={}).bound.diagnostics
        return approved.read_bytes()

    before = judged()
    assert judged() == before
    (more_kinds / "parts" / "_shared.py").write_text("LONGEST = 20\n", encoding="utf-8")
    assert judged().split(b"\n")[0] != before.split(b"\n")[0]


def test_where_the_kinds_cannot_be_read_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(package, "__path__", [str(tmp_path / "nowhere")])
    assert deciding(["local"], ["Dataset"]) != deciding(["local"], ["Dataset"])
