"""Files made wrong in the ways in which disks, editors, merges and other people's copies make them wrong."""

from __future__ import annotations

import json
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.state.journal_lines import END, line_of

Damage = Callable[[Path], None]
"""Does something to what is at a path."""


def changed(change: Callable[[bytes], bytes]) -> Damage:
    """Other bytes in place of a file's."""

    def damage(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return damage


def edited(*place: str | int, to: Any) -> Damage:
    """One value of a JSON file that is another one."""

    def change(data: bytes) -> bytes:
        tree = at = json.loads(data)
        for step in place[:-1]:
            at = at[step]
        at[place[-1]] = to
        return json.dumps(tree).encode()

    return changed(change)


def header_of(**changes: Any) -> Damage:
    """A journal that has not ended, with another header."""

    def change(data: bytes) -> bytes:
        header, *lines = data.splitlines(keepends=True)
        last = lines[:-1] if lines and lines[-1] == END else lines
        return b"".join([line_of(json.loads(header.partition(b" ")[2]) | changes), *last])

    return changed(change)


def in_place_a_folder(path: Path) -> None:
    """A folder where a file should be."""
    path.unlink(missing_ok=True)
    path.mkdir()


def in_place_a_loop(path: Path) -> None:
    """A link that leads to itself where a file should be."""
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def unreadable(path: Path) -> None:
    """A file that nobody may read or write but root, see `unprivileged`."""
    path.chmod(0)


def _garbage(size: int) -> bytes:
    return random.Random(size).randbytes(size)


CONTENT: dict[str, Damage] = {
    "truncated": changed(lambda data: data[: len(data) // 2]),
    "emptied": changed(lambda _: b""),
    "garbage": changed(lambda data: _garbage(len(data))),
    "zeros": changed(lambda data: bytes(len(data))),
    "other": changed(lambda _: b"[]\n"),
}
"""What can happen to the content of any file."""

PLACES: dict[str, Damage] = {
    "a folder": in_place_a_folder,
    "a loop": in_place_a_loop,
    "unreadable": unreadable,
}
"""What can happen to any file but its content."""


@contextmanager
def small_files(most_bytes: int) -> Iterator[None]:
    """A disk on which no file of this process gets larger than some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, pages: int) -> Iterator[Callable[[], None]]:
    """A disk of its own at a folder, of some pages of 4 KiB, with what makes it large; skips where none can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={pages * 4096}", "tmpfs", str(folder))
    try:
        yield lambda: _mount("-o", "remount,size=16m", str(folder))
    finally:
        _unmount(folder)


@contextmanager
def read_only_disk(folder: Path) -> Iterator[None]:
    """The folder as it is on a disk that cannot be written; skips where that cannot be had."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,ro,bind", str(folder))
        yield
    finally:
        _unmount(folder)


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)
