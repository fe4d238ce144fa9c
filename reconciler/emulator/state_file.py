"""Opening the emulator's SQLite database: one file that several processes may share, or memory."""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from reconciler.emulator.errors import StateError

APPLICATION_ID = 0x5243454D
"""Marks a SQLite file as an emulator's state (``PRAGMA application_id``)."""

FORMAT_VERSION = 1

_BUSY_TIMEOUT_MS = 10_000

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE resources (
    kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL, refs TEXT NOT NULL,
    rev INTEGER NOT NULL, shown BLOB NOT NULL, stored BLOB NOT NULL, PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX resources_name ON resources (kind, name);
CREATE INDEX resources_rev ON resources (rev);
CREATE TABLE tombstones (rev INTEGER NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL);
CREATE INDEX tombstones_rev ON tombstones (rev);
CREATE TABLE blobs (kind TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE tokens (digest TEXT PRIMARY KEY, client TEXT NOT NULL, scopes TEXT NOT NULL, expires REAL NOT NULL)
    WITHOUT ROWID;
CREATE TABLE answers (
    digest TEXT PRIMARY KEY, body_digest TEXT NOT NULL, status INTEGER NOT NULL, headers BLOB NOT NULL,
    body BLOB NOT NULL, expires REAL NOT NULL
);
"""


def open_state(path: Path | None) -> sqlite3.Connection:
    """Open or create the state at ``path``, in memory where it is None; autocommit, for explicit transactions.

    The file is readable by its owner only, since it holds secrets. Raises StateError for a file that is not ours.
    """
    if path is not None:
        _create_private(path)
    try:
        connection = sqlite3.connect(
            path or ":memory:", timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError as error:
        raise _unusable(path, str(error), "name a file that can be written") from error
    try:
        _prepare(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        raise _unusable(path, str(error), "check that nothing else locks it") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise damaged(path, error) from error
    except StateError:
        connection.close()
        raise
    return connection


def _unusable(path: Path | None, reason: str, fix: str) -> StateError:
    return StateError("STATE_UNUSABLE", f"the state file {path} can't be used: {reason}", fix)


def damaged(path: Path | None, error: Exception) -> StateError:
    """Make the error for a state file whose content can't be read."""
    return StateError(
        "STATE_DAMAGED", f"the state file {path} is damaged or not a state file: {error}", "move it away and start anew"
    )


def _create_private(path: Path) -> None:
    """Make the file where there is none.

    An existing one is left to SQLite: whoever opens and closes it past SQLite drops the POSIX locks that every other
    connection of this process holds on it, and the next process to leave would take the log away from under them.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _unusable(path, str(error), "name a file that can be written") from error


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    if path is not None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        marker = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not marker and not tables:
            _create(connection)
        elif marker != APPLICATION_ID:
            raise StateError(
                "STATE_FOREIGN", f"{path} is a database of another program", "name another file for the state"
            )
        elif version != FORMAT_VERSION:
            raise StateError(
                "STATE_VERSION",
                f"{path} has format {version}; this version reads format {FORMAT_VERSION}",
                "use the version that wrote it, or move the file away and start anew",
            )
        connection.execute("CREATE INDEX IF NOT EXISTS answers_expires ON answers (expires)")
    finally:
        connection.execute("COMMIT")


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    meta = {"etag_key": secrets.token_bytes(32), "next_id": 0, "rev": 0, "purged_rev": 0, "clock_offset": 0.0}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
