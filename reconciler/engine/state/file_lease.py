"""The lease of a folder: an operating-system lock, which a crash releases by itself, and a note that says who holds it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.engine.state.store import Lease
from reconciler.errors import LeaseLost

_PATIENCE_SECONDS = 0.2
"""How long to try even where nobody wants to wait: longer than another command takes to look whether the lock is free."""


class Held(Exception):
    """Another process holds the lock, and kept it for as long as we were willing to wait."""


class FileLease(Lease):
    """Our hold on a lock file. It is ours for as long as that very file is in place: who removes it has taken the lease."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = _identity(path)

    def confirm(self) -> None:
        """Compare the file that is in place with the one that was locked."""
        try:
            found = _identity(self._path)
        except OSError as error:
            raise self._lost() from error
        if found != self._identity:
            raise self._lost()

    def _lost(self) -> LeaseLost:
        return LeaseLost(
            f"the lock file {self._path.parent.name}/{self._path.name} was removed while this command was running",
            fix="nothing more was sent; when no other command is running, `reconciler apply --resume`",
        )


@contextmanager
def take(path: Path, mode: int, timeout: float) -> Iterator[FileLease]:
    """Hold the lock of a file, waiting up to ``timeout`` seconds. Raises `Held`, or `OSError` where it cannot be locked."""
    # Commands that only read take no lock, and need not wait for the import.
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=mode, fallback_to_soft=False)
    try:
        lock.acquire(timeout=max(_PATIENCE_SECONDS, timeout))
    except Timeout as error:
        raise Held from error
    except NotImplementedError as error:
        raise OSError(None, "this file system has no locks") from error
    try:
        yield FileLease(path)
    finally:
        lock.release()


def is_taken(path: Path) -> bool:
    """Whether somebody, this process included, holds the lock of a file."""
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError, NotImplementedError):
        return True
    lock.release()
    return False


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)  # noqa: PTH116 - asked before every request
    return found.st_dev, found.st_ino
