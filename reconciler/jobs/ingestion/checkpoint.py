"""How far a run is, durable enough to go on after a crash: never ahead of what happened, by at most a second behind.

What was sent after the last checkpoint is sent again with the same idempotency keys and the same bytes, so that the tenant gives
its first answer again (contract: Common rules; for 24 hours).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from reconciler.errors import ResumeImpossible
from reconciler.jobs.folder import JobFolder
from reconciler.jobs.records.readers.chunk import Position

NAME: Final = "checkpoint.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run at one moment.

    ``run`` names it (idempotency keys begin with it), ``identity`` is what must be the same when it is resumed: manifest,
    files, dataset. ``position`` is where the first unfinished chunk begins, ``batch`` the number of its first batch, ``done``
    how much of it is on record: 0 nothing, 1 its bad records, 2 one batch, too, and so on. ``read`` counts the records before
    the chunk, the other counts all that is on record. ``quarantine`` is the file's size in bytes.
    """

    run: str
    started: str
    identity: Mapping[str, Any]
    position: Position = field(default_factory=Position)
    batch: int = 0
    done: int = 0
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    quarantined: int = 0
    left_out: int = 0
    quarantine: int = 0

    def save(self, folder: JobFolder) -> None:
        """Make it durable."""
        folder.write_json(NAME, {"format": _FORMAT, **asdict(self), "position": list(self.position)})


def load_checkpoint(folder: JobFolder) -> Checkpoint | None:
    """The checkpoint of an unfinished run, or None. Raises `ResumeImpossible` for one of another version."""
    data = folder.read_json(NAME)
    if data is None:
        return None
    try:
        return Checkpoint(**{**_of_this_format(data), "position": Position(*data["position"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ResumeImpossible(
            "the checkpoint was written by another version", fix="run the job anew, without --resume"
        ) from error


def _of_this_format(data: dict[str, Any]) -> dict[str, Any]:
    if data.pop("format") != _FORMAT:
        raise KeyError("format")
    return data


def what_changed(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> str:
    """What of manifest, files and dataset is not what it was; empty where all is."""
    return next((what for what, now in identity.items() if checkpoint.identity.get(what) != now), "")


def require_same(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Raise `ResumeImpossible` where manifest, files or dataset are not what they were."""
    changed = what_changed(checkpoint, identity)
    if changed:
        raise ResumeImpossible(
            f"the {changed} changed since the run that began at {checkpoint.started}",
            fix="run the job anew, without --resume: records that are there already are updated, not doubled",
        )
