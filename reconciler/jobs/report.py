"""What became of a job: the account that must add up, and the one object that text, JSON and the exit code come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from reconciler.core.resource import Key
from reconciler.errors import AuthenticationError, InvalidInput, ReconcilerError

Verdict = Literal["done", "partial", "failed", "denied", "invalid", "interrupted"]


@dataclass(frozen=True, slots=True)
class Account:
    """Where every record went. ``read`` is what the source gave.

    ``accepted`` were taken by the tenant (or the database), ``rejected`` refused by it, ``quarantined`` set aside before they were
    sent because they break a rule, ``pending`` read and not decided: not sent yet, or in a dry run never.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    quarantined: int = 0
    pending: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every record that was read is accounted for."""
        return self.read == self.accepted + self.rejected + self.quarantined + self.pending

    @property
    def counts(self) -> dict[str, int]:
        """All figures by their names, as audit entries and reports hold them."""
        return asdict(self)

    @property
    def refused_percent(self) -> float:
        """Rejected and quarantined records in per cent of all that were read; 0 where nothing was."""
        return 100.0 * (self.rejected + self.quarantined) / self.read if self.read else 0.0


@dataclass(frozen=True, slots=True)
class JobReport:
    """The outcome of one job.

    ``limit`` is ``maxRejectedPercent`` where the job has one. ``metrics`` are figures by name (seconds, requests, records a
    second …), ``messages`` sentences for people, ``files`` what the job left behind, by what it is. ``error`` ended the job;
    ``signal`` is a signal's number or 0. ``dry_run``: nothing was sent, so that pending records are no fault.
    """

    key: Key
    account: Account | None = None
    limit: float | None = None
    metrics: Mapping[str, float | int | str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    error: ReconcilerError | None = None
    signal: int = 0
    dry_run: bool = False

    @property
    def over_limit(self) -> bool:
        """Whether more records were rejected or quarantined than the manifest allows."""
        account = self.account
        return self.limit is not None and account is not None and account.refused_percent > self.limit

    @property
    def verdict(self) -> Verdict:
        """One word for the job; the exit code follows from it and from nothing else."""
        account = self.account or Account()
        if self.signal:
            return "interrupted"
        if not account.balanced:
            return "failed"
        if self.error is not None:
            if account.accepted:
                return "partial"
            if isinstance(self.error, AuthenticationError):
                return "denied"
            return "invalid" if isinstance(self.error, InvalidInput) else "failed"
        if self.over_limit or (account.pending and not self.dry_run):
            return "partial"
        return "done"


def verdict_of(reports: tuple[JobReport, ...]) -> Verdict:
    """One word for several jobs that ran one after another."""
    verdicts = [report.verdict for report in reports]
    if "interrupted" in verdicts:
        return "interrupted"
    if len(set(verdicts)) == 1:
        return verdicts[0]
    if "done" in verdicts or "partial" in verdicts:
        return "partial"
    return "denied" if "denied" in verdicts else "failed" if verdicts else "done"


def reports_to_json(reports: tuple[JobReport, ...]) -> dict[str, Any]:
    """The reports as JSON, for ``--format json`` and ``--report json=FILE``."""
    return {
        "format_version": "1.0",
        "verdict": verdict_of(reports),
        "jobs": [_to_json(report) for report in reports],
    }


def _to_json(report: JobReport) -> dict[str, Any]:
    error = report.error
    return {
        "key": str(report.key),
        "verdict": report.verdict,
        "account": {**report.account.counts, "balanced": report.account.balanced} if report.account else None,
        "maxRejectedPercent": report.limit,
        "metrics": dict(report.metrics),
        "messages": list(report.messages),
        "files": dict(report.files),
        "error": {"code": error.code, "message": error.message, "fix": error.fix} if error else None,
        "signal": report.signal,
        "dryRun": report.dry_run,
    }
