"""What an apply leaves to the one that resumes it: its plan, how far each change came, and what could not be recorded."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Plan
from reconciler.core.planfile import plan_from_record
from reconciler.core.report import Result
from reconciler.core.resource import Key
from reconciler.engine.perform import Progress
from reconciler.engine.state.journal import WAY_OUT, JournalState
from reconciler.errors import LedgerBehind, LedgerDamaged, LedgerError, StorageError


def journaled_plan(state: JournalState) -> Plan:
    """The plan that an interrupted apply was carrying out; raises `LedgerDamaged`."""
    try:
        return plan_from_record(state.header["plan"])
    except (ValueError, KeyError) as error:
        raise LedgerDamaged("the journal holds no plan that reads back", fix=WAY_OUT) from error


def progress_of(state: JournalState, key: Key) -> Progress:
    """Where to go on with a change: behind an applied step, or at one whose answer is not known."""
    step = state.steps[key]
    if step.outcome == "applied":
        return Progress(step.index + 1, step.resource_id, step.pin)
    if step.outcome in (None, "unknown"):
        return Progress(step.index, step.resource_id, step.pin, in_flight=True)
    return Progress(step.index, step.resource_id, step.pin)


def not_recorded(trouble: LedgerError | StorageError, results: Sequence[Result], *, journal_open: bool) -> str:
    """What to warn of where ledger or audit log could not be written at the end, and the results say something else.

    Where the results alone would look as if all were well, that is an error: raises `LedgerBehind` if anything was applied, and
    what kept it from being recorded itself if nothing was.
    """
    fix = trouble.fix if "--resume" in trouble.fix else f"{trouble.fix}; then `reconciler apply --resume`"
    if journal_open:
        told = any(item.message == trouble.message for item in results)
        return "" if told else f"{trouble.message}; {fix}"
    applied = sum(1 for item in results if item.outcome == "applied")
    if not applied:
        raise type(trouble)(trouble.message, fix=fix) from trouble
    changes = "1 change was" if applied == 1 else f"{applied} changes were"
    raise LedgerBehind(
        f"{changes} applied, and not all of it could be recorded: {trouble.message}", fix=fix
    ) from trouble
