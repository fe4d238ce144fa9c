"""State in a folder: atomic replace, fsync, an operating-system lock that a crash releases by itself."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from reconciler.engine.clock import now, stamp
from reconciler.engine.state.store import Blob, Holder, StateStore
from reconciler.errors import LedgerConflict, LedgerLocked, StorageError

_MODE = 0o600
_FOLDER_MODE = 0o700
_FREEZE = "freeze.json"
_HOLDER = "holder.json"


class FileStore(StateStore):
    """A store in one folder, which is created when something is first written. Files are readable by their owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> Blob | None:
        """Read a blob."""
        try:
            data = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed("read", name, error) from error
        return Blob(data, _version(data))

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
        """Append and fsync."""
        self._make_folder()
        try:
            handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _MODE)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise self._failed("write", name, error) from error

    def read_log(self, name: str) -> bytes:
        """Read a log whole."""
        blob = self.read(name)
        return blob.data if blob else b""

    def rewrite_log(self, name: str, data: bytes) -> None:
        """Replace a log atomically."""
        self._replace(name, data)

    def delete(self, name: str) -> None:
        """Remove a file."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("remove", name, error) from error

    @contextmanager
    def lease(self, owner: str, purpose: str, timeout: float) -> Iterator[None]:
        """Take the folder's lock; who holds it is written beside it for others to read."""
        self._make_folder()
        self._refuse_frozen()
        lock = FileLock(self.folder / "lock", mode=_MODE)
        try:
            lock.acquire(timeout=max(0.0, timeout))
        except Timeout as error:
            raise LedgerLocked(
                f"the ledger is {self.holder() or 'held by another command'}",
                fix="wait for it to end, or give --lock-timeout SECONDS",
            ) from error
        except OSError as error:
            raise self._failed("lock", "lock", error) from error
        try:
            self._refuse_frozen()
            self._replace(_HOLDER, _holder_json(Holder(owner, purpose, stamp(now()))))
            yield
        finally:
            with suppress(StorageError):
                self.delete(_HOLDER)
            lock.release()

    def holder(self) -> Holder | None:
        """Who has frozen the store, or what is written about the holder of its lock."""
        return self._read_holder(_FREEZE, frozen=True) or self._read_holder(_HOLDER, frozen=False)

    def freeze(self, holder: Holder) -> None:
        """Write the freeze; a running command is let finish first, so it refuses while one holds the lock."""
        with self.lease(holder.owner, "freezing", 0):
            self._replace(_FREEZE, _holder_json(holder))

    def thaw(self) -> Holder | None:
        """Remove the freeze."""
        holder = self._read_holder(_FREEZE, frozen=True)
        self.delete(_FREEZE)
        return holder

    def _refuse_frozen(self) -> None:
        holder = self._read_holder(_FREEZE, frozen=True)
        if holder is not None:
            raise LedgerLocked(f"the ledger is {holder}", fix="`reconciler ledger unlock` ends the freeze")

    def _read_holder(self, name: str, *, frozen: bool) -> Holder | None:
        blob = self.read(name)
        if blob is None:
            return None
        try:
            data = json.loads(blob.data)
            return Holder(str(data["owner"]), str(data["purpose"]), str(data["since"]), frozen)
        except (ValueError, KeyError, TypeError):
            return Holder("somebody", "unreadable note", "an unknown time", frozen)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        except OSError as error:
            raise self._failed("create", "", error) from error

    def _replace(self, name: str, data: bytes) -> None:
        self._make_folder()
        temporary = ""
        try:
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.folder / name)
            temporary = ""
            self._sync_folder()
        except OSError as error:
            raise self._failed("write", name, error) from error
        finally:
            if temporary:
                with suppress(OSError):
                    Path(temporary).unlink()

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _failed(self, verb: str, name: str, error: OSError) -> StorageError:
        return StorageError(
            f"cannot {verb} {self.folder.name}/{name}: {error.strerror or error}",
            fix="check that the folder may be written and that the disk has room",
        )


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _holder_json(holder: Holder) -> bytes:
    return json.dumps({"owner": holder.owner, "purpose": holder.purpose, "since": holder.since}).encode()
