"""A connector's sync, simulated: how far it is follows from when it began. The connector's endpoint is never called. Pure."""

from __future__ import annotations

from reconciler.emulator.fields import Choice, Doc, Member, Record

PENDING_SECONDS = 0.5
RUNNING_SECONDS = 1.5
"""How long a sync waits and then runs, in seconds of the emulated clock."""

_BATCHES = {"FULL": 10, "INCREMENTAL": 1}

BODY = Record({"syncType": Member(Choice(tuple(_BATCHES)), required=True)})
"""The body of ``POST …/connectors/{id}/sync``."""


def begin(sync_type: str, batch_size: int, now: float, failure: str | None) -> Doc:
    """Give what is kept of a sync that begins now; with ``failure`` it will break off half-way, and say that."""
    return {"begun": now, "records": _BATCHES[sync_type] * batch_size, "failure": failure}


def status(sync_id: str, state: Doc, now: float) -> Doc:
    """Give the status of a sync as a client reads it at a moment."""
    done = min(max((now - state["begun"] - PENDING_SECONDS) / RUNNING_SECONDS, 0.0), 1.0)
    failed = state["failure"] is not None
    records = int(state["records"] * done / (2 if failed else 1))
    if done >= 1:
        word = "FAILED" if failed else "COMPLETED"
    else:
        word = "RUNNING" if now - state["begun"] >= PENDING_SECONDS else "PENDING"
    details = state["failure"] if word == "FAILED" else None
    return {"syncId": sync_id, "status": word, "recordsProcessed": records, "errorDetails": details}
