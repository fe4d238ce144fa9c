"""Putting the files of an export where they belong: all of them, or none where any cannot be written."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import StorageError, UsageError
from reconciler.loading.inside import NotUsable, inside

_LISTED = 5


def check_places(root: Path, files: Mapping[str, str], replaceable: frozenset[str], *, overwrite: bool) -> None:
    """Raise `UsageError` where a file exists already, or would lie outside of the project by a link."""
    taken = []
    folders = {name.rpartition("/")[0] for name in files}
    for folder in sorted(folders):
        try:
            inside(root, folder or ".")
        except NotUsable as error:
            raise UsageError(f"{folder} {error}", fix="choose another folder of the project") from error
    present = {folder for folder in folders if (root / folder).is_dir()}
    for name in files:
        path = root / name
        if name.rpartition("/")[0] not in present or not os.path.lexists(path) or name in replaceable:
            continue
        if not (overwrite and path.is_file() and not path.is_symlink()):
            taken.append(name)
    if taken:
        more = f" and {len(taken) - _LISTED} more" if len(taken) > _LISTED else ""
        raise UsageError(
            f"{', '.join(taken[:_LISTED])}{more} {'is' if len(taken) == 1 else 'are'} there already; nothing was written",
            fix="choose another folder, or replace them with --overwrite",
        )


def place(root: Path, files: Mapping[str, str]) -> None:
    """Write files, by path relative to the project, so that a failure leaves everything as it was.

    All content is on the disk, in a folder aside, before anything is moved into its place: folders that do not exist yet as
    a whole, other files one by one. Raises `StorageError`.
    """
    moving = _Moving(root, _stage(root))
    try:
        moving.write(files)
        moving.move(files)
    except OSError as error:
        moving.undo()
        raise StorageError(
            f"the manifests cannot be written, and nothing was: {(error.strerror or 'error').lower()}{_named(error, root)}",
            fix="check the folder, its rights and its space",
        ) from error
    except BaseException:
        moving.undo()
        raise
    finally:
        shutil.rmtree(moving.stage, ignore_errors=True)


class _Moving:
    """Files on their way from a folder aside to their places, and how to take that back.

    ``done`` are the paths moved, each with what was there before; ``stage`` holds the new files under ``new``, the old ones
    under ``old``.
    """

    def __init__(self, root: Path, stage: Path) -> None:
        self.stage = stage
        self._root = str(root)
        self._new = str(stage / "new")
        self._old = str(stage / "old")
        self._done: list[tuple[str, str]] = []

    def write(self, files: Mapping[str, str]) -> None:
        """Write everything aside."""
        for folder in {name.rpartition("/")[0] for name in files}:
            Path(f"{self._new}/{folder}").mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            # A Path and a text file for each of ten thousand would take longer than the disk does.
            handle = os.open(f"{self._new}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                data = text.encode()
                while data:
                    data = data[os.write(handle, data) :]
            finally:
                os.close(handle)

    def move(self, files: Mapping[str, str]) -> None:
        """Put everything into its place."""
        moved: set[str] = set()
        for name in files:
            parts = name.split("/")
            part = next(
                (
                    found
                    for length in range(1, len(parts) + 1)
                    if (found := "/".join(parts[:length])) in moved or not os.path.lexists(f"{self._root}/{found}")
                ),
                name,
            )
            if part in moved:
                continue
            moved.add(part)
            self._replace(part)

    def _replace(self, name: str) -> None:
        target, kept = f"{self._root}/{name}", ""
        if os.path.lexists(target):
            kept = f"{self._old}/{len(self._done)}"
            Path(self._old).mkdir(exist_ok=True)
            shutil.copy2(target, kept)
            Path(f"{self._new}/{name}").chmod(Path(target).stat().st_mode & 0o7777)
        Path(f"{self._new}/{name}").replace(target)
        self._done.append((target, kept))

    def undo(self) -> None:
        """Take back what was moved."""
        for target, kept in reversed(self._done):
            with contextlib.suppress(OSError):
                if kept:
                    Path(kept).replace(target)
                elif Path(target).is_dir():
                    shutil.rmtree(target)
                else:
                    Path(target).unlink()


def _stage(root: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=".export-", dir=root))
    except OSError as error:
        raise StorageError(
            f"the manifests cannot be written: {(error.strerror or 'error').lower()} ({root.name})",
            fix="make the project's folder writable",
        ) from error


def _named(error: OSError, root: Path) -> str:
    """The file that an error is about, in brackets, as people know it; nothing where the error names none."""
    found = error.filename2 or error.filename
    path = Path(os.fsdecode(found)) if found else root
    return f" ({path.relative_to(root).as_posix()})" if path != root and path.is_relative_to(root) else ""
