"""Where durable state lives, as an interface: named blobs with compare-and-swap, append-only logs, and one lease.

The file store serves one machine; a store over object storage can serve the same interface (a log as numbered objects).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import InvalidProject


@dataclass(frozen=True, slots=True)
class Blob:
    """What is stored under a name: its bytes, and the version that a later write is conditional on."""

    data: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lease, what for, and since when (RFC 3339). ``frozen`` is a freeze by hand, not a running command.

    ``process`` is the holder's process id on its machine, 0 where there is none to name.
    """

    owner: str
    purpose: str
    since: str
    frozen: bool = False
    process: int = 0

    def __str__(self) -> str:
        how = "frozen" if self.frozen else "held"
        process = f" (process {self.process})" if self.process else ""
        return f"{how} by {self.owner}{process} since {self.since} ({self.purpose})"


class Lease(ABC):
    """The right to write to a store, from `StateStore.lease`."""

    @abstractmethod
    def confirm(self) -> None:
        """Make sure that it is still ours, cheaply enough to be asked before every request. Raises `LeaseLost`."""


class StateStore(ABC):
    """Durable state of one target."""

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
    def freeze(self, holder: Holder) -> None:
        """Make every later lease fail until `thaw`. Raises `LedgerLocked` where it is frozen or held."""

    @abstractmethod
    def thaw(self) -> Holder | None:
        """End a freeze; returns who had frozen it, or None."""


def open_store(url: str, root: Path, target: str) -> StateStore:
    """The store that a target's ``ledger`` names; raises `InvalidProject` for one that this version cannot open."""
    scheme, _, path = url.partition(":")
    if scheme != "file":
        raise InvalidProject(
            f"the ledger of target {target} is {scheme}:, and this version keeps ledgers in files only",
            fix=f"write ledger: file:.reconciler/{target}/",
        )
    from reconciler.engine.state.file_store import FileStore

    folder = (root / path).resolve()
    if not folder.is_relative_to(root):
        raise InvalidProject(f"the ledger of target {target} lies outside the project", fix="name a folder inside it")
    return FileStore(folder)
