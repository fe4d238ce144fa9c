"""The ledger cannot be used."""

from __future__ import annotations

from reconciler.errors.root import ReconcilerError


class LedgerError(ReconcilerError):
    """The ledger cannot be used."""

    code = "L000"


class LedgerDamaged(LedgerError):
    """The ledger or its journal does not read back as what this tool writes."""

    code = "L001"


class LedgerLocked(LedgerError):
    """Somebody else holds the ledger; the message names owner, purpose and since when."""

    code = "L002"


class LedgerConflict(LedgerError):
    """The ledger changed between reading and writing it."""

    code = "L003"


class LeaseLost(LedgerError):
    """Our lock expired or was taken; nothing more is sent."""

    code = "L004"


class JournalOpen(LedgerError):
    """An interrupted apply left its journal; it is resumed or set aside before anything new is applied."""

    code = "L005"


class LedgerBehind(LedgerError):
    """Changes were applied, and not all of it could be recorded; what is missing stands in the journal."""

    code = "L006"
