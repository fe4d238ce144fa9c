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
    for name in files:
        try:
            inside(root, name)
        except NotUsable as error:
            raise UsageError(f"{name} {error}", fix="choose another folder of the project") from error
        path = root / name
        if os.path.lexists(path) and name not in replaceable and not (overwrite and path.is_file()):
            taken.append(name)
    if taken:
        more = f" and {len(taken) - _LISTED} more" if len(taken) > _LISTED else ""
        raise UsageError(
            f"{', '.join(taken[:_LISTED])}{more} {'is' if len(taken) == 1 else 'are'} there already; nothing was written",
            fix="choose another folder, or replace them with --overwrite",
        )


def place(root: Path, files: Mapping[str, str]) -> None:
    """Write files, by path relative to the project, so that a failure leaves everything as it was.

    All content is on the disk before the first file is moved into its place. Raises `StorageError`.
    """
    undo: list[tuple[Path, Path | None]] = []
    made: list[Path] = []
    stage = _stage(root)
    try:
        for number, text in enumerate(files.values()):
            (stage / str(number)).write_text(text, encoding="utf-8", newline="\n")
        for number, name in enumerate(files):
            path = root / name
            _make(path.parent, made)
            kept = None
            if path.exists():
                kept = stage / f"{number}.before"
                shutil.copy2(path, kept)
                (stage / str(number)).chmod(path.stat().st_mode & 0o7777)
            (stage / str(number)).replace(path)
            undo.append((path, kept))
    except OSError as error:
        _undo(undo, made)
        raise StorageError(
            f"the manifests cannot be written, and nothing was: {(error.strerror or 'error').lower()}"
            f"{_named(error, root)}",
            fix="check the folder, its rights and its space",
        ) from error
    except BaseException:
        _undo(undo, made)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(root: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=".export-", dir=root))
    except OSError as error:
        raise StorageError(
            f"the manifests cannot be written: {(error.strerror or 'error').lower()} ({root.name})",
            fix="make the project's folder writable",
        ) from error


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, and remember which ones are new."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _undo(undo: list[tuple[Path, Path | None]], made: list[Path]) -> None:
    for path, kept in reversed(undo):
        with contextlib.suppress(OSError):
            if kept is None:
                path.unlink()
            else:
                kept.replace(path)
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _named(error: OSError, root: Path) -> str:
    """The file that an error is about, in brackets, as people know it; nothing where the error names none."""
    found = error.filename2 or error.filename
    path = Path(os.fsdecode(found)) if found else root
    return f" ({path.relative_to(root).as_posix()})" if path != root and path.is_relative_to(root) else ""
