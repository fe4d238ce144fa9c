"""One emulator for the tests of a module; each starts with an empty tenant and a project that declares nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bucket_fixtures import bucket, buckets
from tests.support.damaged_project import applied, copied, repeated
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.postgres_fixtures import database, postgres
from tests.support.tenant_project import Setting

__all__ = ["applied", "bucket", "buckets", "copied", "database", "postgres", "repeated"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def setting(emulator: RunningEmulator, tmp_path: Path) -> Setting:
    return Setting.make(tmp_path / "project", emulator)
