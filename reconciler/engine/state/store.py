"""Where durable state lives, as an interface: named blobs with compare-and-swap, append-only logs, and one lease.

The file store serves one machine; the store over object storage serves many.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reconciler.engine.state.holder import Holder
from reconciler.errors import ExtraMissing, InvalidProject

__all__ = ["Blob", "Holder", "Lease", "StateStore", "is_shared", "open_store"]


@dataclass(frozen=True, slots=True)
class Blob:
    """What is stored under a name: its bytes, and the version that a later write is conditional on."""

    data: bytes
    version: str


class Lease(ABC):
    """The right to write to a store, from `StateStore.lease`."""

    @abstractmethod
    def confirm(self) -> None:
        """Make sure that it is still ours, cheaply enough to be asked before every request. Raises `LeaseLost`."""


class StateStore(ABC):
    """Durable state of one target."""

    def place(self, name: str) -> str:
        """Where a person finds what is kept under a name, for messages."""
        return name

    def unwritable(self) -> str:
        """Why nothing can be written, as far as can be told without trying; empty where nothing speaks against it."""
        return ""

    @abstractmethod
    def read(self, name: str) -> Blob | None:
        """What is stored under a name, or None. Raises `StorageError`."""

    @abstractmethod
    def write(self, name: str, data: bytes, expected: str | None) -> str:
        """Replace a blob if its version is still ``expected`` (None: it must not exist); returns the new version.

        The whole new content is durable when this returns, or the old one still stands. Raises `LedgerConflict` or
        `StorageError`.
        """

    @abstractmethod
    def append(self, name: str, data: bytes) -> None:
        """Add to a log; durable when this returns, and as it was before where this raises `StorageError`."""

    @abstractmethod
    def read_log(self, name: str) -> bytes:
        """All of a log, in order; empty where there is none."""

    def read_end(self, name: str, size: int) -> bytes:
        """The last ``size`` bytes of a log, all of it where it is shorter; a store that can seek need not read the rest."""
        return self.read_log(name)[-size:]

    def size(self, name: str) -> int:
        """Bytes of a log; 0 where there is none."""
        return len(self.read_log(name))

    @abstractmethod
    def rotate(self, name: str) -> None:
        """Put a log aside as its newest part, so that it begins anew; nothing happens where there is none."""

    @abstractmethod
    def parts(self, name: str) -> list[str]:
        """The names of a log's parts that were put aside, oldest first; each is read like a log."""

    @abstractmethod
    def rewrite_log(self, name: str, data: bytes) -> None:
        """Replace a log whole, to cut off a torn end. Raises `StorageError`."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a blob or a log; nothing happens where there is none."""

    @abstractmethod
    def lease(self, owner: str, purpose: str, timeout: float) -> AbstractContextManager[Lease]:
        """Hold the store for as long as the context lasts; waits up to ``timeout`` seconds. Raises `LedgerLocked`."""

    @abstractmethod
    def holder(self) -> Holder | None:
        """Who has frozen the store or holds its lease; None for nobody, or for somebody who left no note."""

    @abstractmethod
    def break_lease(self) -> Holder | None:
        """Take the lease away from whoever holds it, who then sends nothing more; returns who that was, None for nobody.

        A lease that runs out by itself stays out of reach until it would have: its holder may not have noticed yet.
        """

    @abstractmethod
    def freeze(self, holder: Holder) -> None:
        """Make every later lease fail until `thaw`. Raises `LedgerLocked` where it is frozen or held."""

    @abstractmethod
    def thaw(self) -> Holder | None:
        """End a freeze; returns who had frozen it, or None."""


def is_shared(url: str) -> bool:
    """Whether a ledger is one that several machines reach."""
    return url.partition(":")[0] != "file"


def open_store(url: str, root: Path, target: str) -> StateStore:
    """The store that a target's ``ledger`` names; raises `InvalidProject` for one that this version cannot open.

    Raises `ExtraMissing` where the library for it is not installed.
    """
    scheme, _, path = url.partition(":")
    if scheme == "s3":
        return _open_shared(url, target)
    if scheme != "file":
        raise InvalidProject(
            f"the ledger of target {target} is {scheme}:, and this version keeps ledgers in file: and s3: only",
            fix=f"write ledger: s3://bucket/{target} to share it, or ledger: file:.reconciler/{target}/",
        )
    from reconciler.engine.state.file_store import FileStore

    folder = (root / path).resolve()
    if not folder.is_relative_to(root):
        raise InvalidProject(f"the ledger of target {target} lies outside the project", fix="name a folder inside it")
    return FileStore(folder)


def _open_shared(url: str, target: str) -> StateStore:
    try:
        from reconciler.engine.state.object_store import open_object_store
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise ExtraMissing(
            f"the ledger of target {target} is on S3, which takes obstore, which is not installed",
            fix="pip install 'reconciler[s3]'",
        ) from error
    return open_object_store(url, target)
