"""Opening the emulator's SQLite database: one file that several processes may share, or memory."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.emulator.errors import UNWRITABLE, StateError

APPLICATION_ID = 0x5243454D
"""Marks a SQLite file as an emulator's state (``PRAGMA application_id``)."""

FORMAT_VERSION = 1

_BUSY_TIMEOUT_MS = 10_000

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_LET_WRITE = "let this user write it, and the folder that it is in"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

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
_NAMES = frozenset({"meta", "resources", "tombstones", "blobs", "tokens", "answers"})


def open_state(path: Path | None) -> sqlite3.Connection:
    """Open or create the state at ``path``, in memory where it is None; autocommit, for explicit transactions.

    The file is readable by its owner only, since it holds secrets. Raises StateError for a file that is not ours.
    """
    if path is not None:
        _create_private(path)
        _require_writable(path)
    try:
        connection = _connect(path or ":memory:")
    except sqlite3.OperationalError as error:
        raise state_error(path, error) from error
    with _closed_on_error(connection, path):
        _prepare(connection, path)
    return connection


def open_copy(path: Path) -> sqlite3.Connection:
    """Open a copy of the state at ``path`` in memory, where the file itself cannot be written; an empty one where there is none.

    Raises StateError for a file that cannot be read or is not ours.
    """
    memory = _connect(":memory:")
    with _closed_on_error(memory, path):
        try:
            with TemporaryDirectory() as folder:
                # With its log, which holds what is newest; opening that takes the right to write.
                for file in (path, path.with_name(f"{path.name}-wal")):
                    if file.exists():
                        shutil.copyfile(file, Path(folder) / file.name)
                with closing(_connect(Path(folder) / path.name)) as copy:
                    copy.backup(memory)
        except OSError as error:
            raise _unusable(path, error.strerror or str(error), f"give this user the right to read {path}") from error
        _prepare(memory, None)
    return memory


@contextmanager
def _closed_on_error(connection: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """Close a connection that turns out to be of no use, and say why in our own words."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        connection.close()
        raise state_error(path, error) from error
    except StateError:
        connection.close()
        raise


def _connect(database: Path | str) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)


def state_error(path: Path | None, error: sqlite3.DatabaseError) -> StateError:
    """Make the error for what SQLite says of a state file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return _unusable(path, str(error), "check that nothing else locks it")
    if code == sqlite3.SQLITE_FULL:
        return _unwritable(path, str(error), "make room on the disk")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return _unwritable(path, str(error))
    if code == sqlite3.SQLITE_IOERR:
        return _unwritable(path, str(error), "check the disk, and make room on it")
    if code == sqlite3.SQLITE_CANTOPEN:
        return _unusable(path, str(error), "move away what is there, or name another file for the state")
    return damaged(path, error)


def is_busy(error: sqlite3.DatabaseError) -> bool:
    """Whether it is only that another process holds the state just now."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _BUSY


def _unusable(path: Path | None, reason: str, fix: str) -> StateError:
    return StateError("STATE_UNUSABLE", f"the state file {path} can't be used: {reason}", fix)


def _unwritable(path: Path | None, reason: str, fix: str = _LET_WRITE) -> StateError:
    return StateError(UNWRITABLE, f"the state file {path} can't be written: {reason}", fix)


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
        fix = "make room on the disk" if error.errno in _FULL else _LET_WRITE
        raise _unwritable(path, error.strerror or str(error), fix) from error


def _require_writable(path: Path) -> None:
    """SQLite opens a file that may not be written, and says so when the first token is to be kept; its log lies beside it."""
    effective = os.access in os.supports_effective_ids
    for place in (path, path.parent):
        if not os.access(place, os.W_OK, effective_ids=effective):
            raise _unwritable(path, f"{place.name} is not writable for this user")


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    if path is not None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        marker = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not marker and not tables:
            _create(connection)
        else:
            _check(path, marker, version, tables)
        connection.execute("CREATE INDEX IF NOT EXISTS answers_expires ON answers (expires)")
    finally:
        connection.execute("COMMIT")


def _check(path: Path | None, marker: int, version: int, tables: set[str]) -> None:
    """Raise StateError unless a database is a state that this version reads."""
    if marker != APPLICATION_ID:
        fix = "move it away and start anew, or name another file for the state"
        raise StateError("STATE_FOREIGN", f"the state file {path} is a database of another program", fix)
    if version != FORMAT_VERSION:
        raise StateError(
            "STATE_VERSION",
            f"the state file {path} has format {version}; this version reads format {FORMAT_VERSION}",
            "use the version that wrote it, or move the file away and start anew",
        )
    missing = sorted(_NAMES - tables)
    if missing:
        raise damaged(path, ValueError(f"it has no table {missing[0]}"))


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    meta = {"etag_key": secrets.token_bytes(32), "next_id": 0, "rev": 0, "purged_rev": 0, "clock_offset": 0.0}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
