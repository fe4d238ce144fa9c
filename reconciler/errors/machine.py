"""What fails on this machine, whatever the tenant does."""

from __future__ import annotations

from reconciler.errors.root import ReconcilerError


class StorageError(ReconcilerError):
    """A file of the project or of its state could not be read or written."""

    code = "X001"


class EmulatorFailed(ReconcilerError):
    """The embedded emulator cannot start, most often because its state file is damaged."""

    code = "X002"


class GitError(ReconcilerError):
    """Git cannot be asked: it is not installed, this is no repository of it, or it lacks the revision."""

    code = "X004"


class Interrupted(ReconcilerError):
    """A signal asked the command to stop; what was in flight was finished and recorded.

    ``signal_number`` is 2 (SIGINT) or 15 (SIGTERM).
    """

    code = "X003"

    def __init__(self, message: str, *, signal_number: int, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.signal_number = signal_number
