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
