"""One emulator for the tests of a module, and a job on it that ingests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.ingestion import Ingesting


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def job(emulator: RunningEmulator, tmp_path: Path) -> Ingesting:
    return Ingesting.make(tmp_path / "project", emulator)
