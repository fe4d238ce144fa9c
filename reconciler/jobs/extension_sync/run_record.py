"""What is on disk of the run in hand, written before each step that it speaks of, so that ``--resume`` knows where it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from reconciler.errors import StorageError
from reconciler.jobs.folder import JobFolder

FILE: Final = "run.json"


@dataclass(slots=True)
class RunRecord:
    """One run. Ports, token and key are kept because the tenant knows them; records are counted, never kept here.

    ``offered``: the pages are whole. ``digest`` (SHA-256, hex, of the request that starts the sync) is set before that is sent,
    ``sync_job`` after it was answered. ``begun_at`` and ``initiated_at`` are Unix seconds. ``reported`` names what the end of
    the run has told already.
    """

    begun_at: float
    idempotency_key: str
    replay: str = ""
    token: str = ""
    page_port: int = 0
    webhook_port: int = 0
    offered: bool = False
    read: int = 0
    quarantined: int = 0
    served: int = 0
    fields: list[str] = field(default_factory=list)
    quarantine: str = ""
    digest: str = ""
    extension: str = ""
    sync_job: str = ""
    initiated_at: float = 0.0
    reported: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, folder: JobFolder) -> RunRecord | None:
        """The run that did not come to its end; None where there is none. Raises `StorageError` where it is damaged."""
        stored: Any = folder.read_json(FILE)
        if stored is None:
            return None
        try:
            return cls(**stored)
        except TypeError as error:
            raise StorageError(f"{folder.path / FILE} is damaged", fix="remove it and run the job anew") from error

    def save(self, folder: JobFolder) -> None:
        """Make it durable."""
        folder.write_json(FILE, asdict(self))


def forget(folder: JobFolder) -> None:
    """The run has come to its end, or never got anywhere."""
    folder.remove(FILE)
