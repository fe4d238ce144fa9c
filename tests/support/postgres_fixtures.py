"""Fixtures around `tests.support.postgres`; a conftest imports those that its tests need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import Server, fresh_database, shared_server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    """The one server of the test run."""
    base = tmp_path_factory.getbasetemp()
    with shared_server(base if worker_id == "master" else base.parent) as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """The URL of an empty database."""
    with fresh_database(postgres) as url:
        yield url
