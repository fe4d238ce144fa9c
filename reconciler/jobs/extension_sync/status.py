"""What the tenant says of a sync job, by webhook or when asked, and how two such statements are put together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

_RANK: Final = {"PENDING": 0, "RUNNING": 1, "COMPLETED": 2, "FAILED": 2}
MALFORMED: Final = "MALFORMED_RECORD"

MAX_ERRORS: Final = 10_000
"""Errors that are kept of one job; the counts are not bounded by it."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The state of a sync job. Counts are records; ``truncated`` says that there are more errors than are listed."""

    status: str = "PENDING"
    total: int = 0
    processed: int = 0
    rejected: int = 0
    errors: tuple[Mapping[str, Any], ...] = ()
    truncated: bool = False
    completed_at: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return _RANK[self.status] == 2

    @property
    def malformed(self) -> list[Mapping[str, Any]]:
        """The errors that are about single records."""
        return [error for error in self.errors if error.get("type") == MALFORMED]

    def to_json(self) -> dict[str, Any]:
        """The statement in the tenant's own form, so that `read_status` takes it again."""
        return {
            "status": self.status,
            "progress": {
                "totalRecords": self.total,
                "processedRecords": self.processed,
                "rejectedRecords": self.rejected,
            },
            "errors": list(self.errors),
            "errorsTruncated": self.truncated,
            "completedAt": self.completed_at or None,
        }


def read_status(value: Any) -> SyncStatus:
    """Read a status body (contract: Operations). Raises `ValueError` that says what is wrong with it."""
    if not isinstance(value, dict):
        _refuse("it is no object")
    status = value.get("status")
    if not isinstance(status, str) or status not in _RANK:
        _refuse("it has no status that is known")
    progress = value.get("progress")
    if progress is None:
        progress = {}
    if not isinstance(progress, dict):
        _refuse("progress is no object")
    errors = _errors(value.get("errors"))
    malformed = sum(error.get("type") == MALFORMED for error in errors)
    return SyncStatus(
        status,
        total=_count(progress, "totalRecords"),
        processed=_count(progress, "processedRecords"),
        rejected=_count(progress, "rejectedRecords", malformed),
        errors=tuple(errors[:MAX_ERRORS]),
        truncated=_is_truncated(value) or len(errors) > MAX_ERRORS,
        completed_at=_text(value, "completedAt"),
    )


def _is_truncated(value: Mapping[str, Any]) -> bool:
    """Whether the tenant left errors out: it says so by true, or by how many they are."""
    said = value.get("errorsTruncated")
    if said is None or isinstance(said, bool):
        return bool(said)
    if type(said) is int and said >= 0:
        return said > 0
    raise ValueError("errorsTruncated is neither true nor false")


def _errors(value: Any) -> Sequence[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("errors is no list of objects")
    return value


def _count(progress: Mapping[str, Any], name: str, default: int = 0) -> int:
    value = progress.get(name)
    if value is None:
        return default
    if type(value) is not int or value < 0:
        raise ValueError(f"progress.{name} is no count")
    return value


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        _refuse(f"{name} is no text")
    return found


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def merged(known: SyncStatus, said: SyncStatus) -> SyncStatus:
    """What is known after another statement, in whatever order statements arrive.

    An end is final, a job never goes back, and counts never shrink while it runs.
    """
    if known.ended or _RANK[said.status] < _RANK[known.status]:
        return known
    if said.ended or said.status != known.status:
        return said
    if (said.total, said.processed, said.rejected) == (known.total, known.processed, known.rejected):
        return known
    return replace(
        said,
        total=max(known.total, said.total),
        processed=max(known.processed, said.processed),
        rejected=max(known.rejected, said.rejected),
    )


def completed(known: SyncStatus, said: SyncStatus) -> SyncStatus:
    """An ended state with the errors that a shortened statement left out; anything that tells another story changes nothing."""
    same = (known.status, known.total, known.rejected) == (said.status, said.total, said.rejected)
    if not known.ended or not same or len(said.errors) <= len(known.errors):
        return known
    return replace(known, errors=said.errors, truncated=said.truncated)
