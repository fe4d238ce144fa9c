"""A small project on the embedded emulator."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.tenant_project import dataset


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "project")
    made.put("people.yaml", dataset("people"))
    return made
