"""The state file: private, ours, of this format, or one clear error."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.emulator import Settings, StateError, create_app
from reconciler.emulator.state_file import open_state
from tests.support.privileges import unprivileged


def code_of(path: Path) -> str:
    with pytest.raises(StateError) as error:
        create_app(Settings(state=path))
    assert error.value.fix
    assert str(path) in error.value.message
    return error.value.code


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.db"
    open_state(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"apiVersion: cxone.reconciler/v1\n" * 100)
    assert code_of(path) == "STATE_DAMAGED"
    assert path.read_bytes().startswith(b"apiVersion")


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (a)")
    other.close()
    assert code_of(path) == "STATE_FOREIGN"


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = open_state(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert code_of(path) == "STATE_VERSION"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    app = create_app(Settings(state=path))
    app.state.emulator.seed({"resources": 200})
    app.state.emulator.store.close()
    data = bytearray(path.read_bytes())
    data[4096 : len(data)] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    assert code_of(path) == "STATE_DAMAGED"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE tokens",
        "DELETE FROM meta",
        "UPDATE meta SET value = 'x' WHERE key = 'rev'",
        "UPDATE meta SET value = 'x' WHERE key = 'next_id'",
        "UPDATE meta SET value = 'x' WHERE key = 'etag_key'",
        "UPDATE meta SET value = NULL WHERE key = 'clock_offset'",
        "UPDATE resources SET etag = 'none'",
        "UPDATE resources SET kind = 'Nothing'",
    ],
)
def test_a_state_that_lacks_what_it_needs_is_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "state.db"
    app = create_app(Settings(state=path))
    app.state.emulator.seed({"resources": 1})
    app.state.emulator.store.close()
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()
    assert code_of(path) == "STATE_DAMAGED"


@pytest.mark.parametrize("read_only", ["state.db", "."])
def test_what_may_not_be_written_is_refused_at_once_and_can_be_copied(tmp_path: Path, read_only: str) -> None:
    path = tmp_path / "state.db"
    app = create_app(Settings(state=path))
    app.state.emulator.seed({"resources": 3})
    kept = path.read_bytes()  # the newest is in the log, as the store is not closed
    (tmp_path / read_only).chmod(0o500)
    try:
        with unprivileged():
            assert code_of(path) == "STATE_UNWRITABLE"
            copy = create_app(Settings(state=path, copied=True))
            copy.state.emulator.seed({"resources": 2, "seed": 9})
    finally:
        (tmp_path / read_only).chmod(0o700)
    assert [sum(len(c.rows) for c in it.state.emulator.store.collections.values()) for it in (app, copy)] == [3, 5]
    assert path.read_bytes() == kept


def test_a_copy_of_nothing_is_empty_and_one_of_what_is_not_ours_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    assert create_app(Settings(state=path, copied=True)).state.emulator.store.next_id == 0
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StateError, match="damaged"):
        create_app(Settings(state=path, copied=True))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "STATE_UNUSABLE"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("seed", None, "FILE_UNREADABLE"),
        ("seed", "[]", "FILE_INVALID"),
        ("seed", '{"resources": -1}', "FILE_INVALID"),
        ("faults", "{", "FILE_INVALID"),
        ("faults", '{"rules": [{}]}', "FILE_INVALID"),
    ],
)
def test_a_wrong_file_to_start_from_is_refused(tmp_path: Path, name: str, content: str | None, code: str) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StateError) as error:
        create_app(Settings(**{name: path}))
    assert error.value.code == code


WRITE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"


def test_opening_the_file_again_leaves_the_locks_of_this_process_in_place(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = open_state(path)
    first.execute("CREATE TABLE here (a)")
    open_state(path).close()
    insert = "INSERT INTO here VALUES (1)"
    subprocess.run([sys.executable, "-c", WRITE, str(path), insert], check=True)
    # The last connection to leave removes the log. The other process was not the last.
    assert path.with_name("state.db-wal").exists()
    first.execute(insert)
    subprocess.run([sys.executable, "-c", WRITE, str(path), insert], check=True)
    assert first.execute("SELECT count(*) FROM here").fetchone()[0] == 3
    first.close()
    with sqlite3.connect(path) as again:
        assert again.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert again.execute("SELECT count(*) FROM here").fetchone()[0] == 3
    again.close()
