"""Replacing files whole: the modes they get, and what is left of a write that fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from reconciler.loading.atomic import write_atomically


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", (b"one", memoryview(b"two")))
    assert (tmp_path / "a").read_bytes() == b"onetwo"
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_mode_is_given_whatever_the_file_had(tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").write_bytes(b"old")
    write_atomically(tmp_path / "a", (b"new",), mode=mode)
    assert (tmp_path / "a").stat().st_mode & 0o7777 == mode


def test_only_what_is_to_last_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    write_atomically(tmp_path / "a", (b"cache",))
    assert synced == []
    write_atomically(tmp_path / "a", (b"state",), durable=True)
    assert synced == [len(b"state")]


@pytest.mark.parametrize("step", ["fsync", "fchmod"])
def test_a_write_that_fails_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(tmp_path / "a", (b"new",), mode=0o644, durable=True)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_name_of_the_greatest_length_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 127)
    write_atomically(path, (b"x",))
    assert path.read_bytes() == b"x"
