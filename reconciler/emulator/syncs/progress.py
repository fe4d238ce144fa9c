"""How far an extension's sync is: what is kept of it, and how clients are told. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import orjson

from reconciler.emulator.fields import Doc

MAX_ERRORS = 100
"""Errors that are kept and told; the counts go on (contract: Operations)."""

MAX_STATUS_BYTES = 100_000
"""A status body stays below this, since that is what receivers commonly take (contract: Operations)."""

Word = Literal["PENDING", "RUNNING", "COMPLETED", "FAILED"]


class SyncFailedError(Exception):
    """A sync can't go on; it ends as FAILED with an error of this type."""

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(message)
        self.type = type_
        self.message = message


@dataclass(slots=True)
class Progress:
    """A sync's state. Where it stands in the source is committed together with the records up to there."""

    begun: float
    """By the emulated clock, in seconds since 1970."""
    fields: list[Doc]
    """The extension's fields as the sync last saw them."""
    url: str | None
    """The page to go on with; None once all are read."""
    delivery: str
    """The id of its webhook, the same for all repeats."""
    fault: str | None = None
    """The message that a test wants it to fail with."""
    position: int = 0
    """Records of that page that are dealt with already."""
    status: Word = "PENDING"
    total: int = 0
    stored: int = 0
    rejected: int = 0
    used_bytes: int = 0
    """Size of the records that the sync adds to, as JSON."""
    errors: list[Doc] = field(default_factory=list)
    errors_truncated: bool = False
    completed_at: str | None = None
    attempts: list[Doc] = field(default_factory=list)
    """What became of the webhook's calls so far."""

    def note(self, errors: list[Doc]) -> None:
        """Keep errors, as many as there is room for."""
        room = MAX_ERRORS - len(self.errors)
        self.errors.extend(errors[:room])
        self.errors_truncated |= len(errors) > room

    def fail(self, failure: SyncFailedError) -> None:
        """End as FAILED; the reason comes before the errors of records."""
        self.status = "FAILED"
        reason: Doc = {"type": failure.type, "recordId": None, "message": failure.message, "suggestedCorrections": {}}
        self.errors_truncated |= len(self.errors) >= MAX_ERRORS
        self.errors = [reason, *self.errors[: MAX_ERRORS - 1]]


def status_body(sync_id: str, extension_id: str, progress: Progress) -> bytes:
    """Give the status as it is read and as the webhook is told; errors are left off until it is small enough."""
    body: Doc = {
        "syncJobId": sync_id,
        "extensionId": extension_id,
        "status": progress.status,
        "progress": {
            "totalRecords": progress.total,
            "processedRecords": progress.stored,
            "rejectedRecords": progress.rejected,
        },
        "errors": progress.errors,
        "errorsTruncated": progress.errors_truncated,
        "completedAt": progress.completed_at,
    }
    text = orjson.dumps(body)
    while len(text) >= MAX_STATUS_BYTES:
        body["errors"] = body["errors"][
            : len(body["errors"]) * MAX_STATUS_BYTES // (len(text) + MAX_STATUS_BYTES // 10)
        ]
        body["errorsTruncated"] = True
        text = orjson.dumps(body)
    return text
