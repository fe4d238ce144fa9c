"""State in a folder: atomic replace, fsync, an operating-system lock that a crash releases by itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from reconciler.engine.state.file_faults import what_helps, why_unwritable
from reconciler.engine.state.file_lease import Held, is_taken, take
from reconciler.engine.state.holder import Holder, holder_here, holder_to_json, parse_holder
from reconciler.engine.state.store import Blob, Lease, StateStore
from reconciler.errors import LedgerConflict, LedgerLocked, StorageError
from reconciler.loading.atomic import write_atomically
from reconciler.loading.private import make_private

_MODE = 0o600
_LOCK = "lock"
_FREEZE = "freeze.json"
_HOLDER = "holder.json"
_NOTHING_THERE = (FileNotFoundError, NotADirectoryError)
"""Where a file stands in place of the folder, nothing is kept either; only writing finds that it cannot be."""


class FileStore(StateStore):
    """A store in one folder, which is created when something is first written. Files are readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ends: dict[str, tuple[int, int]] | None = None

    def place(self, name: str) -> str:
        """The file's path, from the working directory where it lies below that."""
        path = self.folder / name
        with suppress(ValueError, OSError):
            return str(path.relative_to(Path.cwd()))
        return str(path)

    def unwritable(self) -> str:
        """Look at the rights of the folder, or of the nearest one above it that is there."""
        return why_unwritable(self.folder)

    def read(self, name: str) -> Blob | None:
        """Read a blob."""
        data = self._read(name)
        return None if data is None else Blob(data, _version(data))

    def write(self, name: str, data: bytes, expected: str | None) -> str:
        """Replace a blob through a temporary file beside it; the lease keeps others out between the check and the replace."""
        current = self.read(name)
        if (current.version if current else None) != expected:
            raise LedgerConflict(
                f"{name} changed while this command was running", fix="run the command again; it will see the change"
            )
        self._replace(name, data)
        return _version(data)

    def append(self, name: str, data: bytes) -> None:
        """Append and fsync; what was written of an append that failed is cut off again.

        Raises `LedgerConflict` where the log does not end any more where this store left it under its lease.
        """
        path = self.folder / name
        try:
            handle, fresh = self._opened(path)
            try:
                self._require_own_end(name, handle)
                _append_whole(handle, data)
                if self._ends is not None:
                    self._ends[name] = _end(handle)
            finally:
                os.close(handle)
            if fresh:
                self._sync_folder()
        except OSError as error:
            raise self._failed("write", name, error) from error

    def _opened(self, path: Path) -> tuple[int, bool]:
        """A log to append to, and whether it is new: most are there, and an apply asks thousands of times."""
        with suppress(FileNotFoundError):
            return os.open(path, os.O_WRONLY | os.O_APPEND), False
        self._make_folder()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE), True

    def _require_own_end(self, name: str, handle: int) -> None:
        """Two holders of a lease, of whom one has lost it, must not both go on with one log."""
        known = (self._ends or {}).get(name)
        if known is not None and known != _end(handle):
            raise LedgerConflict(
                f"{name} was continued by another command", fix="look who holds the ledger: `reconciler ledger verify`"
            )

    def read_log(self, name: str) -> bytes:
        """Read a log whole."""
        return self._read(name) or b""

    def read_end(self, name: str, size: int) -> bytes:
        """Read the end of a log, without the rest of it."""
        return self._read(name, end=size) or b""

    def size(self, name: str) -> int:
        """Ask for the size of a log."""
        try:
            return (self.folder / name).stat().st_size
        except _NOTHING_THERE:
            return 0
        except OSError as error:
            raise self._failed("read", name, error) from error

    def rotate(self, name: str) -> None:
        """Rename a log: ``audit.ndjson`` becomes ``audit.00001.ndjson``, and so on."""
        if not self.size(name):
            return
        self._forget_end(name)
        stem, _, suffix = name.partition(".")
        last = self.parts(name)[-1:]
        number = int(last[0].split(".")[1]) + 1 if last else 1
        try:
            (self.folder / name).rename(self.folder / f"{stem}.{number:05}.{suffix}")
            self._sync_folder()
        except OSError as error:
            raise self._failed("rename", name, error) from error

    def parts(self, name: str) -> list[str]:
        """The renamed files of a log, by their numbers."""
        stem, _, suffix = name.partition(".")
        part = re.compile(rf"{re.escape(stem)}\.([0-9]+)\.{re.escape(suffix)}")
        try:
            found = [match for item in self.folder.iterdir() if (match := part.fullmatch(item.name))]
        except _NOTHING_THERE:
            return []
        except OSError as error:
            raise self._failed("read", "", error) from error
        return [match.group() for match in sorted(found, key=lambda match: int(match.group(1)))]

    def rewrite_log(self, name: str, data: bytes) -> None:
        """Replace a log atomically."""
        self._replace(name, data)

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._forget_end(name)
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("remove", name, error) from error

    @contextmanager
    def lease(self, owner: str, purpose: str, timeout: float) -> Iterator[Lease]:
        """Take the folder's lock; who holds it is written beside it for others to read."""
        self._make_folder()
        self._refuse_frozen()
        with ExitStack() as stack:
            try:
                lease = stack.enter_context(take(self.folder / _LOCK, _MODE, timeout))
            except Held as error:
                raise LedgerLocked(
                    f"the ledger is {self.holder() or 'held by another command'}",
                    fix="wait for it to end, or give --lock-timeout SECONDS",
                ) from error
            except OSError as error:
                raise self._failed("lock", _LOCK, error) from error
            self._refuse_frozen()
            self._replace(_HOLDER, _note(holder_here(owner, purpose)))
            stack.callback(self._forget_holder)
            self._ends = {}
            stack.callback(self._forget_ends)
            yield lease

    def holder(self) -> Holder | None:
        """Who has frozen the store, or, while its lock is taken, what is written about the holder."""
        frozen = self._read_holder(_FREEZE, frozen=True)
        if frozen is not None or not is_taken(self.folder / _LOCK):
            return frozen
        return self._read_holder(_HOLDER, frozen=False)

    def break_lease(self) -> Holder | None:
        """Remove the lock file, which its holder looks at before every request."""
        if not is_taken(self.folder / _LOCK):
            return None
        holder = self._read_holder(_HOLDER, frozen=False) or Holder("somebody", "no note", "an unknown time")
        self.delete(_LOCK)
        return holder

    def freeze(self, holder: Holder) -> None:
        """Write the freeze; a running command is let finish first, so it refuses while one holds the lock."""
        with self.lease(holder.owner, "freezing", 0):
            self._replace(_FREEZE, _note(holder))

    def thaw(self) -> Holder | None:
        """Remove the freeze."""
        holder = self._read_holder(_FREEZE, frozen=True)
        self.delete(_FREEZE)
        return holder

    def _read(self, name: str, *, end: int | None = None) -> bytes | None:
        """A file's bytes, or those at its end; None where there is no such file."""
        try:
            with (self.folder / name).open("rb") as file:
                if end is not None:
                    file.seek(-min(end, file.seek(0, os.SEEK_END)), os.SEEK_END)
                return file.read()
        except _NOTHING_THERE:
            return None
        except OSError as error:
            raise self._failed("read", name, error) from error

    def _forget_ends(self) -> None:
        self._ends = None

    def _forget_end(self, name: str) -> None:
        if self._ends is not None:
            self._ends.pop(name, None)

    def _forget_holder(self) -> None:
        with suppress(StorageError):
            self.delete(_HOLDER)

    def _refuse_frozen(self) -> None:
        holder = self._read_holder(_FREEZE, frozen=True)
        if holder is not None:
            raise LedgerLocked(f"the ledger is {holder}", fix="`reconciler ledger unlock` ends the freeze")

    def _read_holder(self, name: str, *, frozen: bool) -> Holder | None:
        blob = self.read(name)
        return None if blob is None else parse_holder(blob.data, frozen=frozen)

    def _make_folder(self) -> None:
        try:
            make_private(self.folder)
        except OSError as error:
            raise self._failed("create", "", error) from error

    def _replace(self, name: str, data: bytes) -> None:
        self._forget_end(name)
        self._make_folder()
        try:
            write_atomically(self.folder / name, (data,), durable=True)
            self._sync_folder()
        except OSError as error:
            raise self._failed("write", name, error) from error

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _failed(self, verb: str, name: str, error: OSError) -> StorageError:
        place = self.place(name)
        return StorageError(f"cannot {verb} {place}: {error.strerror or error}", fix=what_helps(verb, place, error))


def _append_whole(handle: int, data: bytes) -> None:
    """Write all of it and fsync, or leave the file as it was: a torn line must never end up before a whole one."""
    size = os.fstat(handle).st_size
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _end(handle: int) -> tuple[int, int]:
    """Which file it is, and where it ends."""
    found = os.fstat(handle)
    return found.st_ino, found.st_size


def _version(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def _note(holder: Holder) -> bytes:
    return json.dumps(holder_to_json(holder)).encode()
