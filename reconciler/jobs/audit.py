"""A job's entries in the target's audit log.

The log is one chain of hashes with its head in the ledger, so it is written under the ledger's lease. A job may run for hours
and must not hold that: its entries wait in the job's folder and are handed over in short, leased moments. What waits survives a
crash, and the next run hands it over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import orjson

from reconciler.engine.actor import actor
from reconciler.engine.clock import now, stamp
from reconciler.engine.session import Session
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.ledger import LedgerWriter, load_ledger
from reconciler.errors import LedgerError, LedgerLocked, StorageError
from reconciler.jobs.folder import JobFolder

WAITING = "audit.waiting.ndjson"
"""Where entries wait."""

HAND_OVER_SECONDS = 30.0
"""Seconds between two attempts to hand entries over while a job runs."""

PATIENCE_SECONDS = 10.0
"""How long the end of a job waits for the ledger's lease."""


class JobAudit:
    """Takes a job's entries; ``details`` hold no records and no secrets, only counts, ids and digests."""

    def __init__(self, session: Session, folder: JobFolder, warn: Callable[[str], None]) -> None:
        self._session = session
        self._folder = folder
        self._warn = warn
        self._tried = time.monotonic()
        self._handle: int | None = None

    def add(self, action: str, **details: Any) -> None:
        """Note something that happened; now and then hands over what waits."""
        entry = {"at": stamp(now()), "job": str(self._folder.key), "action": action, **details}
        try:
            if self._handle is None:
                path = self._folder.path / WAITING
                self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                # What a crash tore off must not take the next entry with it.
                os.write(self._handle, b"\n")
            os.write(self._handle, orjson.dumps(entry) + b"\n")
        except OSError as error:
            raise StorageError(
                f"the audit entry of {self._folder.key} cannot be written: {error.strerror or error}",
                fix="make room on the disk; the job goes on with --resume",
            ) from error
        if time.monotonic() - self._tried > HAND_OVER_SECONDS:
            self._try_handing_over(0.0)

    def close(self) -> None:
        """Hand over what waits; where that cannot be done now, say so and leave it to the next run: the outcome is another matter."""
        why = self._try_handing_over(PATIENCE_SECONDS)
        self._let_go()
        if why:
            self._warn(f"audit entries of {self._folder.key} wait for the job's next run: {why}")

    def _let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _try_handing_over(self, patience: float) -> str:
        """Hand over what waits; gives why that could not be done, or nothing."""
        self._tried = time.monotonic()
        path = self._folder.path / WAITING
        if not path.exists():
            return ""
        session = self._session
        try:
            with session.store.lease(actor(), f"audit of {self._folder.key}", patience):
                project, target = session.workspace.project, session.workspace.target
                ledger = load_ledger(session.store, stack=project.stack, target=target.url)
                log = AuditLog(session.store, actor=actor(), head=ledger.audit_head)
                for entry in _entries(path.read_bytes()):
                    log.add(entry.pop("action"), **entry)
                log.flush()
                if not ledger.lost:
                    LedgerWriter(session.store, ledger).save(audit_head=log.head)
                self._let_go()
                self._folder.remove(WAITING)
        except LedgerLocked:
            return "the ledger is locked"
        except (LedgerError, StorageError) as error:
            return error.message
        return ""


def _entries(data: bytes) -> list[dict[str, Any]]:
    """The entries that were written whole; what a crash tore off at the end is none."""
    found = []
    for line in data.split(b"\n"):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict) and "action" in entry:
            found.append(entry)
    return found
