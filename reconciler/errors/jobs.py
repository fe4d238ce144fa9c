"""A data job cannot go on."""

from __future__ import annotations

from reconciler.errors.root import ReconcilerError


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
