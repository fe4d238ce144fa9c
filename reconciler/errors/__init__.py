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
    │   ├── JournalOpen            L005  an interrupted apply must be resumed first
    │   └── LedgerBehind           L006  what was applied could not all be recorded      exit 4
    ├── StorageError               X001  a file could not be read or written             exit 1
    ├── EmulatorFailed             X002  the embedded emulator cannot start              exit 1
    ├── GitError                   X004  git, or a revision, cannot be read              exit 1
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

from reconciler.errors.jobs import (
    DatabaseUnusable,
    ExtraMissing,
    JobBusy,
    JobError,
    JobFailed,
    NotApplied,
    ResumeImpossible,
    SourceUnusable,
    SpoolUnusable,
)
from reconciler.errors.ledger import (
    JournalOpen,
    LeaseLost,
    LedgerBehind,
    LedgerConflict,
    LedgerDamaged,
    LedgerError,
    LedgerLocked,
)
from reconciler.errors.machine import EmulatorFailed, GitError, Interrupted, StorageError
from reconciler.errors.plans import (
    ExpectationNotMet,
    GuardRefused,
    PlanExpired,
    PlanFileError,
    PlanStale,
    SourcesMoved,
    StaleError,
)
from reconciler.errors.root import ReconcilerError
from reconciler.errors.tenant import (
    ApiError,
    AuthenticationError,
    BadAnswer,
    Conflict,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PreconditionFailed,
    RateLimited,
    Refused,
    ScopeMissing,
    ServerFailed,
    UnstableListing,
    WriteRefused,
)
from reconciler.errors.written import InvalidInput, InvalidManifests, InvalidProject, SecretUnavailable, UsageError

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BadAnswer",
    "Conflict",
    "DatabaseUnusable",
    "EmulatorFailed",
    "ExpectationNotMet",
    "ExtraMissing",
    "GitError",
    "GuardRefused",
    "Interrupted",
    "InvalidInput",
    "InvalidManifests",
    "InvalidProject",
    "JobBusy",
    "JobError",
    "JobFailed",
    "JournalOpen",
    "LeaseLost",
    "LedgerBehind",
    "LedgerConflict",
    "LedgerDamaged",
    "LedgerError",
    "LedgerLocked",
    "NotApplied",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PlanExpired",
    "PlanFileError",
    "PlanStale",
    "PreconditionFailed",
    "RateLimited",
    "ReconcilerError",
    "Refused",
    "ResumeImpossible",
    "ScopeMissing",
    "SecretUnavailable",
    "ServerFailed",
    "SourceUnusable",
    "SourcesMoved",
    "SpoolUnusable",
    "StaleError",
    "StorageError",
    "UnstableListing",
    "UsageError",
    "WriteRefused",
]
