"""Reads files that a project names, and none that lie outside of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

MAX_TEXT_BYTES = 1024 * 1024

Reach = Callable[[str], Path]
"""Finds where something that a project names can be read, as `inside` does for its folder; raises `NotUsable`."""


class NotUsable(Exception):
    """A file that the project names cannot be used; the message says why, without naming it. ``absent``: it is not there."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


def inside(root: Path, name: str) -> Path:
    """The real path of something that a project names, with all links followed.

    Raises `NotUsable` where the name is absolute or climbs with ``..``, or where links lead out of ``root``.
    """
    if not name or "\0" in name:
        raise NotUsable("is not a path")
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or Path(name).is_absolute():
        raise NotUsable("leaves the project: paths are relative to its folder and have no ..")
    try:
        home = root.resolve()
        found = (home / relative).resolve()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            found.lstat()
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise NotUsable("is longer than a path may be") from error
        raise NotUsable("cannot be followed: its links lead in a circle, or nowhere") from error
    if not found.is_relative_to(home):
        raise NotUsable("leaves the project by a link")
    if ".git" in found.relative_to(home).parts:
        # Checkouts in pipelines leave a token in .git/config, and manifests of strangers are looked at there.
        raise NotUsable("belongs to git, not to the project")
    return found


def read_text(path: Path, limit: int = MAX_TEXT_BYTES) -> str:
    """Read a UTF-8 text file of at most ``limit`` bytes, one trailing newline stripped; raises `NotUsable`."""
    try:
        # Without O_NONBLOCK opening a FIFO would wait for a writer that never comes.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotUsable("does not exist", absent=True) from error
    except OSError as error:
        raise NotUsable(f"cannot be read: {(error.strerror or 'error').lower()}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotUsable("is not a regular file")
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise NotUsable(f"has more than {limit:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUsable("is not UTF-8 text") from error
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
