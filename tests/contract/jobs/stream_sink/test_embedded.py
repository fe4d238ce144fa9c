"""``database: embedded:``: a PostgreSQL that the job starts itself, keeps between runs, and stops with its last user."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.jobs.stream_sink.embedded import EmbeddedDatabase
from tests.support.sink import event
from tests.support.sink_project import KEY, Setting, setting
from tests.support.sink_tenant import tenant


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the account which PostgreSQL runs as can reach even while other test runs close those of pytest."""
    with tempfile.TemporaryDirectory(prefix="rec-") as name:
        yield Path(name) / "project"


def ask(folder: Path, query: str) -> list[Any]:
    """What a query answers, the server started and stopped around it where nobody else uses it."""

    async def work() -> list[Any]:
        database = EmbeddedDatabase(folder, "test")
        try:
            connection = await database.open()
            try:
                return await (await connection.execute(query)).fetchall()  # type: ignore[arg-type]
            finally:
                await connection.close()
        finally:
            await database.aclose()

    return asyncio.run(work())


def is_running(folder: Path) -> bool:
    return (folder / "data" / "postmaster.pid").exists()


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_made_kept_and_stopped(place: Path) -> None:
    with setting(place, "embedded:") as here:
        folder = here.project.state / "postgres"
        here.project.state.mkdir(parents=True, mode=0o700)
        here.tenant.publish([event("a", 1, duration=1)])
        here.run("--until-idle", "0.3").ok()
        assert not is_running(folder)
        here.tenant.publish([event("b", 2, duration=2)])
        here.run("--until-idle", "0.3").ok()
        assert not is_running(folder)
        assert ask(folder, "SELECT key, duration FROM events ORDER BY key") == [("a", 1), ("b", 2)]
        assert not is_running(folder)
        state = stat.S_IMODE(here.project.state.stat().st_mode)
        assert state & stat.S_IRWXO == 0, "nobody else can look into the project's state"
        if os.geteuid() == 0:
            assert folder.stat().st_uid != 0, "PostgreSQL refuses to run as root"


def test_one_that_a_killed_run_left_is_found_and_stopped(place: Path) -> None:
    with tenant(own_process=True) as there:
        here = Setting.make(place, there, "embedded:")
        folder = here.project.state / "postgres"
        there.publish([event("a", 1, duration=1)])
        process = here.project.spawn("run", KEY)
        try:
            wait_for(lambda: is_running(folder))
        finally:
            process.kill()
            process.communicate()
        assert is_running(folder)
        there.publish([event("b", 2, duration=2)])
        here.run("--until-idle", "0.3").ok()
        assert not is_running(folder)
        assert ask(folder, "SELECT key, duration FROM events ORDER BY key") == [("a", 1), ("b", 2)]


def test_what_a_killed_run_left_half_made_is_made_anew(place: Path) -> None:
    folder = place / "local" / "postgres"
    (folder / "new-0").mkdir(parents=True)
    (folder / "new-0" / "PG_VERSION").write_text("18")
    assert ask(folder, "SELECT 1") == [(1,)]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) in (["data"], ["data", "socket"])


def test_the_last_user_stops_it(place: Path) -> None:
    """Also where the project's path is too long for a socket."""
    folder = place / ("deep" * 20) / "local" / "postgres"

    async def work() -> None:
        first, second = EmbeddedDatabase(folder, "first"), EmbeddedDatabase(folder, "second")
        one = await first.open()
        two = await second.open()
        await one.close()
        await first.aclose()
        assert is_running(folder)
        assert await (await two.execute("SELECT 1")).fetchone() == (1,)
        await two.close()
        await second.aclose()
        assert not is_running(folder)

    asyncio.run(work())


def test_it_is_started_again_where_it_died(place: Path) -> None:
    folder = place / "local" / "postgres"

    async def work() -> None:
        database = EmbeddedDatabase(folder, "test")
        one = await database.open()
        pid = int((folder / "data" / "postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGQUIT)
        await asyncio.to_thread(wait_for, lambda: not is_running(folder))
        two = await database.open()
        assert await (await two.execute("SELECT 1")).fetchone() == (1,)
        await one.close()
        await two.close()
        await database.aclose()

    asyncio.run(work())
