"""The objects of a bucket's folder: conditional writes whose outcome is always known, and one clock that all machines share.

A conditional write whose answer is lost was carried out or not. It is sent again as it is, and where it is then refused, the
object tells by the marks in its metadata whether our own write got there first: its own mark, and those of the writes that it
replaced, so that it is told even where somebody has written on top of it meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from reconciler.engine.state.object_faults import as_error, is_missing, storage_error, understand
from reconciler.engine.state.s3_place import Place
from reconciler.errors import StorageError

_MARKS: Final = "reconciler-writes"
_MOST_MARKS: Final = 64
"""Writes that an object remembers, its own among them: others write no more often while one waits to be told.

S3 takes 2 KB of such metadata; a mark is 17 bytes.
"""

_CLOCK: Final = "clock"
_AT_ONCE: Final = 8
_REPLACED: Final = '"replaced"'
"""What stands for the ETag of a write that was carried out and is replaced already: a later write on it is refused."""

PATIENCE_SECONDS: Final = 30.0
"""Seconds for which a write is tried again while nobody answers."""


_FAILURES = (BaseError, OSError)
"""What the library raises: errors of its own, and Python's for what is not there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its bytes, its ETag, when the server stored it, and the marks of the newest writes, the one that did first."""

    data: bytes
    etag: str
    modified: datetime
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing, with its size in bytes."""

    key: str
    size: int


class Taken(Exception):
    """A conditional write was refused: the object is not what its writer had seen."""


class Objects:
    """One folder of a bucket."""

    def __init__(self, store: S3Store, place: Place) -> None:
        self._store = store
        self.place = place
        self._seen: dict[str, tuple[str, tuple[str, ...]]] = {}

    def get(self, key: str) -> Stored | None:
        """An object, or None. Raises `StorageError`."""
        try:
            found = obstore.get(self._store, key)
            etag = found.meta["e_tag"] or ""
            marks = tuple(filter(None, str(found.attributes.get(_MARKS, "")).split(",")))
            stored = Stored(bytes(found.bytes()), etag, found.meta["last_modified"], marks)
        except _FAILURES as error:
            if is_missing(error):
                return None
            raise storage_error(f"read {self.place}/{key}", error, self.place) from error
        self._seen[key] = (etag, marks)
        return stored

    def get_end(self, key: str, start: int, end: int) -> bytes | None:
        """The bytes from ``start`` up to ``end`` of an object, or None. Raises `StorageError`."""
        if start >= end:
            return b""
        try:
            return bytes(obstore.get_range(self._store, key, start=start, end=end))
        except _FAILURES as error:
            if is_missing(error):
                return None
            raise storage_error(f"read {self.place}/{key}", error, self.place) from error

    def get_all(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several objects, side by side. Raises `StorageError`."""
        if len(keys) < 2:
            return [_data(self.get(key)) for key in keys]
        with ThreadPoolExecutor(min(_AT_ONCE, len(keys)), thread_name_prefix="ledger") as pool:
            return [_data(found) for found in pool.map(self.get, keys)]

    def put(self, key: str, data: bytes, expected: str | None, *, patience: float = PATIENCE_SECONDS) -> str:
        """Write an object if its ETag is still ``expected`` (None: if there is none); returns its new ETag.

        Raises `Taken` where it is not, `StorageError` where nobody answered for ``patience`` seconds: it may have been written.
        """
        marks = self._marks(key, expected)
        deadline, pause = time.monotonic() + patience, 0.1
        while True:
            try:
                return self._put_once(key, data, expected, marks)
            except _FAILURES as error:
                if not isinstance(error, AlreadyExistsError | PreconditionError):
                    fault = understand(error, self.place)
                    if not fault.passing or time.monotonic() + pause > deadline:
                        raise as_error(f"write {self.place}/{key}", fault) from error
                elif (etag := self._settle(key, expected, marks[0])) is not None:
                    return etag
                elif time.monotonic() + pause > deadline:
                    raise StorageError(
                        f"cannot write {self.place}/{key}: the server refuses it although nothing changed",
                        fix="try again; `reconciler doctor` checks whether the store knows conditional writes",
                    ) from error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)

    def _marks(self, key: str, expected: str | None) -> tuple[str, ...]:
        """A new mark for a write, followed by those of what it replaces, as far as that was read or written here."""
        etag, marks = self._seen.get(key, ("", ()))
        return (secrets.token_hex(8), *(marks if etag == expected else ())[: _MOST_MARKS - 1])

    def _put_once(self, key: str, data: bytes, expected: str | None, marks: tuple[str, ...]) -> str:
        done = obstore.put(
            self._store,
            key,
            data,
            attributes={_MARKS: ",".join(marks)},
            mode="create" if expected is None else {"e_tag": expected},
        )
        if not done["e_tag"]:
            raise StorageError(f"{self.place} gives its objects no ETag", fix="use a store that does")
        self._seen[key] = (done["e_tag"], marks)
        return done["e_tag"]

    def _settle(self, key: str, expected: str | None, mark: str) -> str | None:
        """After a refusal: the ETag of our own write if it was what is there, None where it is worth another try."""
        found = self.get(key)
        if found is not None and mark in found.marks:
            return found.etag if found.marks[0] == mark else _REPLACED
        if (found.etag if found else None) == expected:
            return None  # two conditional writes at once: S3 may refuse both (409)
        raise Taken(key)

    def overwrite(self, key: str, data: bytes) -> None:
        """Write an object whatever is there. Raises `StorageError`."""
        try:
            obstore.put(self._store, key, data, use_multipart=False)
        except _FAILURES as error:
            raise storage_error(f"write {self.place}/{key}", error, self.place) from error

    def list(self, prefix: str) -> list[Listed]:
        """All objects under a folder, in the order of their keys. Raises `StorageError`."""
        try:
            found = [
                Listed(item["path"], item["size"]) for chunk in obstore.list(self._store, prefix) for item in chunk
            ]
        except _FAILURES as error:
            raise storage_error(f"list {self.place}/{prefix}", error, self.place) from error
        return sorted(found, key=lambda item: item.key)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there do not matter. Raises `StorageError`."""
        wanted = list(keys)
        if not wanted:
            return
        try:
            obstore.delete(self._store, wanted)
        except _FAILURES as error:
            if not is_missing(error):
                raise storage_error(f"delete in {self.place}", error, self.place) from error

    def server_time(self) -> datetime:
        """What the server's clock says, to the second: the time that it gives to an object written now. Raises `StorageError`."""
        self.overwrite(_CLOCK, b"")
        try:
            return obstore.head(self._store, _CLOCK)["last_modified"]
        except _FAILURES as error:
            raise storage_error(f"read {self.place}/{_CLOCK}", error, self.place) from error


def _data(found: Stored | None) -> bytes | None:
    return None if found is None else found.data
