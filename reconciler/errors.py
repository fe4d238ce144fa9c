"""Everything that can go wrong, as types.

Every error has a stable ``code`` (documented by ``reconciler explain CODE``), a message that says what happened and a
``fix`` that says what to do about it. An error is made once, at the edge of the layer that understands it, and chained
with ``from``; the command line alone turns it into an exit code::

    ReconcilerError
    ├── UsageError                 U001  the command's words are off                     exit 64
    ├── InvalidInput                     what the user wrote is wrong                    exit 78
    │   ├── InvalidManifests       M000  diagnostics of manifests, gathered
    │   ├── InvalidProject         P001  reconciler.yaml, or no project at all
    │   └── SecretUnavailable      P002  a secret's provider has no such value
    ├── AuthenticationError        A001  the token endpoint or the API refused the client exit 3
    │   └── ScopeMissing           A002  the token lacks a scope
    ├── ApiError                         talking to the tenant failed                    exit 1
    │   ├── NotSent                H001  the request surely never reached the server
    │   ├── OutcomeUnknown         H002  it was sent, and no usable answer came
    │   ├── BadAnswer              H003  the answer is not what the contract says
    │   ├── NotFound               H004  404
    │   ├── PreconditionFailed     H005  412, or 409 with a version-conflict code
    │   ├── Conflict               H006  409 for any other reason
    │   ├── Refused                H007  another 4xx
    │   ├── RateLimited            H008  429, and retries are used up
    │   ├── ServerFailed           H009  5xx, and retries are used up
    │   ├── WriteRefused           H010  a write was attempted where only reading is allowed
    │   └── UnstableListing        H011  a listing kept changing while it was paged
    ├── StaleError                       the world moved since the plan                  exit 5
    │   ├── PlanStale              S001  the tenant moved
    │   ├── PlanExpired            S002  the plan is too old
    │   ├── ExpectationNotMet      S003  --expect names other changes
    │   └── SourcesMoved           S004  a bundle or secret is not what was planned
    ├── GuardRefused               G000  guards refuse the plan                          exit 6
    ├── PlanFileError              F001  a plan file is damaged, foreign or too new      exit 1
    ├── LedgerError                      the ledger cannot be used                       exit 1
    │   ├── LedgerDamaged          L001  it does not read back
    │   ├── LedgerLocked           L002  somebody else holds it
    │   ├── LedgerConflict         L003  it changed under us
    │   ├── LeaseLost              L004  our lock was taken or expired
    │   └── JournalOpen            L005  an interrupted apply must be resumed first
    ├── StorageError               X001  a file could not be read or written             exit 1
    ├── EmulatorFailed             X002  the embedded emulator cannot start              exit 1
    ├── JobError                         a data job cannot go on                         exit 1
    │   ├── JobFailed              J001  the tenant says that it failed
    │   ├── NotApplied             J002  what it works on is not in the tenant
    │   ├── JobBusy                J003  another run of it is under way
    │   ├── ExtraMissing           J004  a library that it needs is not installed
    │   ├── SourceUnusable         J005  its source cannot be read any further
    │   ├── ResumeImpossible       J006  what was interrupted cannot be gone on with
    │   ├── DatabaseUnusable       J007  the database, or a table in it, does not take events
    │   └── SpoolUnusable          J008  what was received cannot be kept on disk
    └── Interrupted                X003  stopped by a signal after what was in flight    exit 130, 143
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from reconciler.core.diagnostic import Diagnostic


class ReconcilerError(Exception):
    """The root of all errors that this tool raises on purpose.

    ``message`` says what happened, ``fix`` what the reader can do; neither ever holds a secret's value.
    """

    code: ClassVar[str] = "X000"

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return self.message


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


class AuthenticationError(ReconcilerError):
    """The token endpoint refused the client's credentials, or the API refused a fresh token."""

    code = "A001"


class ScopeMissing(AuthenticationError):
    """The client may not do this: its token lacks a scope, which the message names."""

    code = "A002"

    def __init__(self, message: str, *, scope: str, fix: str = "") -> None:
        super().__init__(
            message, fix=fix or f"grant the API client, and auth.scopes if the target has it, the scope {scope}"
        )
        self.scope = scope


class ApiError(ReconcilerError):
    """Talking to the tenant failed.

    ``status`` is the HTTP status or None, ``api_code`` the body's ``code`` (contract: Common rules), ``request_id`` what
    the server's operators need to find the request, ``details`` pairs of field and message from the body.
    """

    code = "H000"

    def __init__(
        self, message: str, *, fix: str = "", status: int | None = None, api_code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, fix=fix)
        self.status = status
        self.api_code = api_code
        self.request_id = request_id
        self.details: tuple[tuple[str, str], ...] = ()


class NotSent(ApiError):
    """The request surely never reached the server: no connection, no name, no TLS."""

    code = "H001"


class OutcomeUnknown(ApiError):
    """The request was sent and no usable answer came: it may or may not have been carried out."""

    code = "H002"


class BadAnswer(ApiError):
    """The server answered something that the contract does not know: HTML, broken JSON, a wrong type."""

    code = "H003"


class NotFound(ApiError):
    """The resource, or the whole collection, does not exist (404)."""

    code = "H004"


class PreconditionFailed(ApiError):
    """The resource is not in the state that the writer had seen (412, or 409 with a version-conflict code)."""

    code = "H005"


class Conflict(ApiError):
    """409 for a reason of its own: a name taken, a schema locked, a resource in use; the message says which."""

    code = "H006"


class Refused(ApiError):
    """The server refuses the request as it is (400, 413, 415, 422, 428 …); repeating it cannot help."""

    code = "H007"


class RateLimited(ApiError):
    """The server keeps answering 429 and the retries are used up."""

    code = "H008"


class ServerFailed(ApiError):
    """The server keeps failing (5xx) and the retries are used up."""

    code = "H009"


class WriteRefused(ApiError):
    """A write was attempted through a client that may only read: a defect of this tool, stopped before it was sent."""

    code = "H010"


class UnstableListing(ApiError):
    """A collection kept changing while its pages were read, so that nothing can be concluded from what it lacks."""

    code = "H011"


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


class StorageError(ReconcilerError):
    """A file of the project or of its state could not be read or written."""

    code = "X001"


class EmulatorFailed(ReconcilerError):
    """The embedded emulator cannot start, most often because its state file is damaged."""

    code = "X002"


class JobError(ReconcilerError):
    """A data job cannot go on."""

    code = "J000"


class JobFailed(JobError):
    """The tenant carried the job out and says that it failed, or never came to an end within the time allowed."""

    code = "J001"


class NotApplied(JobError):
    """What a job works on is not in the tenant, or not as its manifest declares it."""

    code = "J002"


class JobBusy(JobError):
    """Another run of the same job is under way on this machine."""

    code = "J003"


class ExtraMissing(JobError):
    """A library that the job needs is not installed; the fix names the extra that has it."""

    code = "J004"


class SourceUnusable(JobError):
    """A job's source is missing, lacks what every record needs, or is damaged beyond the record at hand."""

    code = "J005"


class ResumeImpossible(JobError):
    """An interrupted run cannot be gone on with: its source or its manifest is not what it was."""

    code = "J006"


class DatabaseUnusable(JobError):
    """A sink's database or table cannot take events, and waiting will not change that."""

    code = "J007"


class SpoolUnusable(JobError):
    """A sink cannot keep on disk what it receives, so that it must not receive any more."""

    code = "J008"


class Interrupted(ReconcilerError):
    """A signal asked the command to stop; what was in flight was finished and recorded.

    ``signal_number`` is 2 (SIGINT) or 15 (SIGTERM).
    """

    code = "X003"

    def __init__(self, message: str, *, signal_number: int, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.signal_number = signal_number
