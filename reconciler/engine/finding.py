"""What a check-up finds, one line a thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.errors import ReconcilerError

State = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was tried, how it stands, and what to do."""

    state: State
    subject: str
    message: str
    fix: str = ""
    cause: ReconcilerError | None = None

    def to_json(self) -> dict[str, str]:
        """The finding as JSON."""
        return {"state": self.state, "subject": self.subject, "message": self.message, "fix": self.fix}
