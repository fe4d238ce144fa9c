"""A plan must not be applied: the world moved, guards refuse it, or its file is not as it was written."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors.root import ReconcilerError


class StaleError(ReconcilerError):
    """The tenant, the sources or the clock moved since the plan was made; nothing was applied."""

    code = "S000"


class PlanStale(StaleError):
    """The tenant is not in the state that the plan's reviewer saw."""

    code = "S001"


class PlanExpired(StaleError):
    """The saved plan is older than its expiry."""

    code = "S002"


class ExpectationNotMet(StaleError):
    """A fresh plan holds other changes than the reviewed ones that ``--expect`` names."""

    code = "S003"


class SourcesMoved(StaleError):
    """A code bundle builds differently, or a secret resolves differently, than when the plan was made."""

    code = "S004"


class GuardRefused(ReconcilerError):
    """One or more guards refuse the plan; each has a code of its own, from ``G001`` on."""

    code = "G000"

    def __init__(self, message: str, *, codes: Sequence[str], fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.codes = tuple(codes)


class PlanFileError(ReconcilerError):
    """A saved plan is damaged, was made for another target, or has a format newer than this tool."""

    code = "F001"
