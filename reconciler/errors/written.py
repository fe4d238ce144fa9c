"""What the user wrote is wrong: on the command line, in manifests or in the project file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.errors.root import ReconcilerError

if TYPE_CHECKING:
    from reconciler.core.diagnostic import Diagnostic


class UsageError(ReconcilerError):
    """The command line asks for something that is not there, or that does not go together."""

    code = "U001"


class InvalidInput(ReconcilerError):
    """What the user wrote, a manifest or the project file, is wrong."""

    code = "M000"


class InvalidManifests(InvalidInput):
    """Manifests have errors; all of them are gathered in ``diagnostics`` and shown at once."""

    code = "M000"

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        errors = sum(1 for item in diagnostics if item.severity == "error")
        super().__init__(
            f"{errors} {'error' if errors == 1 else 'errors'} in the manifests",
            fix="correct the places shown; nothing was sent",
        )
        self.diagnostics = tuple(diagnostics)


class InvalidProject(InvalidInput):
    """The project file is missing or wrong, or the target is not declared in it.

    ``diagnostics`` are the findings where the file was read and is wrong.
    """

    code = "P001"

    def __init__(self, message: str, *, fix: str = "", diagnostics: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message, fix=fix)
        self.diagnostics = tuple(diagnostics)


class SecretUnavailable(InvalidInput):
    """A secret's provider was reached and has no such value, or it cannot be used here at all."""

    code = "P002"
