"""The file store alone: permissions, the operating system's lock, and what it says when the folder cannot be used."""

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.store import open_store
from reconciler.errors import InvalidProject, LeaseLost, LedgerConflict, LedgerLocked, StorageError


def test_files_are_for_their_owner_only_and_nothing_temporary_is_left(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "state")
    store.write("ledger.json", b"one", None)
    store.append("audit.ndjson", b"line\n")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    names = sorted(path.name for path in (tmp_path / "state").iterdir())
    assert names == ["audit.ndjson", "ledger.json"]
    for name in names:
        assert stat.S_IMODE((tmp_path / "state" / name).stat().st_mode) == 0o600


def _hold(folder: str, ready: object, release: object) -> None:
    with FileStore(Path(folder)).lease("ada@host", "apply run 7", 0):
        ready.set()  # type: ignore[attr-defined]
        release.wait(30)  # type: ignore[attr-defined]


def test_another_process_is_told_who_holds_the_lease_and_gets_it_afterwards(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), ready, release))
    process.start()
    try:
        assert ready.wait(30)
        with pytest.raises(LedgerLocked) as caught, FileStore(tmp_path).lease("bob@host", "apply", 0):
            pass
        assert "ada@host" in caught.value.message
        assert "apply run 7" in caught.value.message
        assert f"process {process.pid}" in caught.value.message
    finally:
        release.set()
        process.join(30)
    with FileStore(tmp_path).lease("bob@host", "apply", 0):
        assert str(FileStore(tmp_path).holder()).startswith("held by bob@host")
    assert FileStore(tmp_path).holder() is None


def test_a_killed_holder_does_not_keep_the_lease(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path), ready, release))
    process.start()
    assert ready.wait(30)
    process.kill()
    process.join(30)
    assert FileStore(tmp_path).holder() is None
    with FileStore(tmp_path).lease("bob@host", "apply", 0):
        pass


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    store = FileStore(tmp_path / "state")
    with pytest.raises(StorageError) as caught:
        store.write("ledger.json", b"x", None)
    assert caught.value.code == "X001"
    with pytest.raises(StorageError):
        store.append("journal.ndjson", b"x")


@pytest.mark.parametrize(
    ("url", "words"),
    [("ftp://bucket/prefix", "file: and s3: only"), ("file:../elsewhere", "outside"), ("file:/etc", "outside")],
)
def test_a_ledger_that_this_version_cannot_keep_is_refused(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(InvalidProject, match=words):
        open_store(url, tmp_path, "prod")


def test_the_holder_note_is_json(tmp_path: Path) -> None:
    with FileStore(tmp_path).lease("ada@host", "apply", 0):
        data = json.loads((tmp_path / "holder.json").read_bytes())
    assert data["owner"] == "ada@host"


def test_a_lease_is_ours_until_its_lock_file_is_removed(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with store.lease("ada@host", "apply", 0) as lease:
        lease.confirm()
        (tmp_path / "lock").unlink()
        with pytest.raises(LeaseLost) as caught:
            lease.confirm()
        assert caught.value.code == "L004"
        with FileStore(tmp_path).lease("bob@host", "apply", 0) as other:
            other.confirm()
            with pytest.raises(LeaseLost):
                lease.confirm()


def test_looking_who_holds_the_lock_does_not_take_it(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert store.holder() is None
    with store.lease("ada@host", "apply", 0) as lease:
        assert "ada@host" in str(store.holder())
        assert "apply" in str(FileStore(tmp_path).holder())
        lease.confirm()
    assert store.holder() is None
    with store.lease("ada@host", "apply", 0):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EROFS, "writable"),
        (errno.EACCES, "the right to write"),
        (errno.EISDIR, "move away what is there now"),
        (errno.EIO, "check the disk"),
    ],
)
def test_what_cannot_be_written_says_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    for write in (
        lambda: FileStore(tmp_path).append("log", b"x"),
        lambda: FileStore(tmp_path).write("blob", b"x", None),
    ):
        with pytest.raises(StorageError) as caught:
            write()
        assert words in caught.value.fix
        assert os.strerror(number) in caught.value.message
    assert (tmp_path / "log").read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_who_has_lost_the_lease_cannot_go_on_with_a_log_that_somebody_else_continued(tmp_path: Path) -> None:
    first, second = FileStore(tmp_path), FileStore(tmp_path)
    with first.lease("ann@here", "apply", 0):
        first.append("journal.ndjson", b"one\n")
        first.append("journal.ndjson", b"two\n")
        first.break_lease()
        with second.lease("bob@here", "apply", 0):
            second.append("journal.ndjson", b"three\n")
        with pytest.raises(LedgerConflict):
            first.append("journal.ndjson", b"four\n")
    assert first.read_log("journal.ndjson") == b"one\ntwo\nthree\n"
