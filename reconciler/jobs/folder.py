"""A job's own folder, ``.reconciler/<target>/jobs/<Kind>-<name>/``: checkpoint, records, spool, and one run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from reconciler.core.resource import Key
from reconciler.errors import JobBusy, StorageError
from reconciler.loading.atomic import write_atomically
from reconciler.loading.private import make_private
from reconciler.loading.project import STATE_FOLDER

_LOCK = "lock"


class JobFolder:
    """The folder of one job, readable by its owner only. Raises `StorageError` wherever the disk refuses."""

    def __init__(self, root: Path, target: str, key: Key) -> None:
        self.key = key
        self.path = root / STATE_FOLDER / target / "jobs" / f"{key.kind}-{key.name}"

    def make(self) -> Path:
        """Create it where it is not there yet."""
        try:
            make_private(self.path)
        except OSError as error:
            raise _failed("create", self.path, error) from error
        return self.path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other run of this job on this machine out. Raises `JobBusy`; a crash releases it by itself."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.make() / _LOCK, mode=0o600, fallback_to_soft=False)
        try:
            lock.acquire(timeout=0.2)
        except Timeout as error:
            raise JobBusy(
                f"another run of {self.key} is under way on this machine", fix="wait for it to end, or stop it"
            ) from error
        except (OSError, NotImplementedError) as error:
            raise StorageError(f"cannot lock {self.path.name}: {error}", fix=f"check the folder {self.path}") from error
        try:
            yield
        finally:
            lock.release()

    def read_json(self, name: str) -> Any:
        """What `write_json` wrote last; None where there is nothing. Raises `StorageError` for what does not read back."""
        try:
            return orjson.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed("read", self.path / name, error) from error
        except orjson.JSONDecodeError as error:
            raise StorageError(
                f"{self.path / name} is damaged: {error}", fix="remove it and run the job anew"
            ) from error

    def write_json(self, name: str, value: Any) -> None:
        """Replace a small file whole; durable when this returns."""
        replace_file(self.make() / name, orjson.dumps(value, option=orjson.OPT_INDENT_2))

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise _failed("remove", self.path / name, error) from error


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file whole, or make it; it is on the disk when this returns. Raises `StorageError`."""
    try:
        write_atomically(path, (data,), durable=True)
    except OSError as error:
        raise _failed("write", path, error) from error


def _failed(verb: str, path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot {verb} {path.name}: {error.strerror or error}", fix=f"check {path.parent} and the room on its disk"
    )
