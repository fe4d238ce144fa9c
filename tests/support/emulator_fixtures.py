"""One emulator for the tests of a module, emptied before each of them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.support.emulator import RunningEmulator, running_emulator


@pytest.fixture(scope="module")
def server() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def emulator(server: RunningEmulator) -> RunningEmulator:
    server.control("POST", "reset")
    return server


@pytest.fixture
def api(emulator: RunningEmulator) -> Iterator[httpx.Client]:
    with emulator.client() as client:
        yield client
