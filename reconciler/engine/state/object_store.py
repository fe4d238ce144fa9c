"""State in a folder of an S3 bucket: any machine goes on where another stopped.

Blobs are objects that are written only if their ETag is still the one that was read, logs are numbered objects, the lease is one
object that its holder renews.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from reconciler.engine.state.holder import Holder, holder_to_json, parse_holder
from reconciler.engine.state.object_lease import break_lock, hold, read_lock
from reconciler.engine.state.object_log import ObjectLogs
from reconciler.engine.state.objects import Objects, Taken
from reconciler.engine.state.s3_place import parse_place
from reconciler.engine.state.s3_settings import connect
from reconciler.engine.state.store import Blob, Lease, StateStore
from reconciler.errors import LedgerConflict, LedgerLocked

_FREEZE = "freeze.json"


def open_object_store(url: str, target: str) -> ObjectStore:
    """The store at ``s3://bucket/prefix``. Raises `InvalidProject` or `StorageError`; nothing is asked yet."""
    place = parse_place(url, target)
    return ObjectStore(Objects(connect(place, os.environ), place))


class ObjectStore(StateStore):
    """A store in one folder of a bucket."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self._logs = ObjectLogs(objects)

    def place(self, name: str) -> str:
        """The object's URL; that of the folder of its pieces for a log."""
        return f"{self.objects.place}/{f'log/{name}' if _is_log(name) else name}"

    def read(self, name: str) -> Blob | None:
        """Read an object."""
        found = self.objects.get(name)
        return None if found is None else Blob(found.data, found.etag)

    def write(self, name: str, data: bytes, expected: str | None) -> str:
        """Write an object if its ETag is still the expected one."""
        try:
            return self.objects.put(name, data, expected)
        except Taken as error:
            raise LedgerConflict(
                f"{name} changed while this command was running", fix="run the command again; it will see the change"
            ) from error

    def append(self, name: str, data: bytes) -> None:
        """Add an object to a log."""
        self._logs.append(name, data)

    def read_log(self, name: str) -> bytes:
        """Read a log whole."""
        return self._logs.read(name)

    def read_end(self, name: str, size: int) -> bytes:
        """Read the end of a log, without the rest of it."""
        return self._logs.read_end(name, size)

    def size(self, name: str) -> int:
        """Ask for the size of a log."""
        return self._logs.size(name)

    def rotate(self, name: str) -> None:
        """Begin a log anew; what it was is its newest part."""
        self._logs.rotate(name)

    def parts(self, name: str) -> list[str]:
        """The parts of a log that were put aside."""
        return self._logs.parts(name)

    def rewrite_log(self, name: str, data: bytes) -> None:
        """Replace a log at once."""
        self._logs.rewrite(name, data)

    def delete(self, name: str) -> None:
        """Remove a blob, or empty a log: the name of a log stands for all of its objects."""
        if _is_log(name):
            self._logs.clear(name)
        else:
            self.objects.delete([name])

    @contextmanager
    def lease(self, owner: str, purpose: str, timeout: float) -> Iterator[Lease]:
        """Take the lock object, and keep it renewed."""
        self._refuse_frozen()
        seconds = self.objects.place.lease_seconds
        with hold(self.objects, owner, purpose, timeout, seconds, self._refuse_frozen) as lease:
            self._logs.forget()  # others may have gone on with them since
            yield lease

    def holder(self) -> Holder | None:
        """Who has frozen the store, or holds its lock."""
        frozen = self._frozen()
        if frozen is not None:
            return frozen
        lock = read_lock(self.objects)
        return lock.shown() if lock is not None and lock.state == "held" else None

    def break_lease(self) -> Holder | None:
        """Mark the lock as broken, which its holder notices when it renews it next."""
        return break_lock(self.objects)

    def freeze(self, holder: Holder) -> None:
        """Write the freeze, while nobody else holds the lock."""
        import json

        with self.lease(holder.owner, "freezing", 0):
            self.objects.overwrite(_FREEZE, json.dumps(holder_to_json(holder)).encode())

    def thaw(self) -> Holder | None:
        """Remove the freeze."""
        holder = self._frozen()
        if holder is not None:
            self.objects.delete([_FREEZE])
        return holder

    def _frozen(self) -> Holder | None:
        blob = self.read(_FREEZE)
        return None if blob is None else parse_holder(blob.data, frozen=True)

    def _refuse_frozen(self) -> None:
        holder = self._frozen()
        if holder is not None:
            raise LedgerLocked(f"the ledger is {holder}", fix="`reconciler ledger unlock` ends the freeze")


def _is_log(name: str) -> bool:
    return PurePosixPath(name).suffix == ".ndjson"
