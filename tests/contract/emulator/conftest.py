"""One emulator for the tests of a module, emptied before each of them, and what is started on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.contract.emulator.bodies import STREAMS, created, stream
from tests.contract.emulator.executions import Deploy, Deployed
from tests.contract.emulator.extension_syncs import Serve, Syncs, serving
from tests.support.emulator import RunningEmulator
from tests.support.emulator_fixtures import api, emulator, server

__all__ = ["api", "emulator", "server"]


@pytest.fixture
def deploy(api: httpx.Client) -> Deploy:
    def make(source: str, files: dict[str, str] | None = None, **more: Any) -> Deployed:
        return Deployed(api, source, files or {}, more)

    return make


@pytest.fixture
def calls(api: httpx.Client) -> str:
    """The id of a stream."""
    return str(created(api, STREAMS, stream(api))["id"])


@pytest.fixture
def syncs(api: httpx.Client, emulator: RunningEmulator) -> Syncs:
    return Syncs(api, emulator)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as serve:
        yield serve
