"""A check-up of durable state: each part reads back, and the parts fit together."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.resource import Key, Ledger
from reconciler.engine.state.audit import read_audit, verify
from reconciler.engine.state.journal import read_journal
from reconciler.engine.state.ledger import load_ledger
from reconciler.engine.state.store import StateStore
from reconciler.errors import LedgerError, StorageError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check-up; ``bad`` says that something must be done."""

    subject: str
    message: str
    bad: bool = False

    def to_json(self) -> dict[str, object]:
        """The finding as JSON."""
        return {"subject": self.subject, "message": self.message, "ok": not self.bad}


def check_state(store: StateStore, *, stack: str, target: str) -> list[Finding]:
    """Check ledger, journal, audit log and lock; problems are findings, not errors."""
    findings: list[Finding] = []
    ledger: Ledger | None = None
    try:
        ledger = load_ledger(store, stack=stack, target=target)
        if ledger.lost:
            findings.append(Finding("ledger", "there is none yet"))
        else:
            findings.append(Finding("ledger", f"{len(ledger.entries)} resources, serial {ledger.serial}"))
            findings += [Finding("ledger", message, bad=True) for message in _inconsistent(ledger)]
    except (LedgerError, StorageError) as error:
        findings.append(Finding("ledger", error.message, bad=True))
    findings.append(_journal(store))
    findings += _audit(store, ledger)
    holder = store.holder()
    findings.append(Finding("lock", str(holder) if holder else "free"))
    return findings


def _inconsistent(ledger: Ledger) -> list[str]:
    owners: dict[tuple[str, str], Key] = {}
    problems = []
    for key in sorted(ledger.entries):
        place = (key.kind, ledger.entries[key].id)
        if not place[1]:
            problems.append(f"{key} has no id")
        elif place in owners:
            problems.append(f"{owners[place]} and {key} claim the same live resource {place[1]}")
        owners[place] = key
    return problems


def _journal(store: StateStore) -> Finding:
    try:
        state = read_journal(store)
    except (LedgerError, StorageError) as error:
        return Finding("journal", error.message, bad=True)
    if state is None:
        return Finding("journal", "there is none")
    if state.ended:
        return Finding("journal", "the last apply came to its end")
    started = state.header.get("started", "an unknown time")
    return Finding("journal", f"an apply of {started} was interrupted; `reconciler apply --resume`", bad=True)


def _audit(store: StateStore, ledger: Ledger | None) -> list[Finding]:
    try:
        records, problems = read_audit(store)
    except StorageError as error:
        return [Finding("audit log", error.message, bad=True)]
    problems += verify(records, ledger.audit_head if ledger else "")
    if problems:
        return [Finding("audit log", problem, bad=True) for problem in problems]
    return [Finding("audit log", f"{len(records)} records, chain unbroken")]
