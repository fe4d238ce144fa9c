"""The check-up of a target's ledger: that it reads back, who may reach it, and that a shared one can really be shared."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress

from reconciler.engine.finding import Finding
from reconciler.engine.pipeline import in_pipeline
from reconciler.engine.state.checkup import check_state
from reconciler.engine.state.store import StateStore, is_shared, open_store
from reconciler.engine.workspace import Workspace
from reconciler.errors import LedgerConflict, ReconcilerError, StorageError

SUBJECT = "ledger"
SHARED = "shared ledger"


def check_ledger(
    workspace: Workspace, *, writes: bool, must_share: bool, environ: Mapping[str, str] = os.environ
) -> list[Finding]:
    """A line for each part of the state, and one for how it is shared.

    ``writes``: commands that write are meant to work too, so that a conditional write is tried for real. ``must_share``: a ledger
    on this machine's disk is a failure.
    """
    target = workspace.target
    try:
        store = open_store(target.ledger, workspace.project.root, target.name)
        found = check_state(store, stack=workspace.project.stack, target=target.url)
    except ReconcilerError as error:
        return [Finding("FAIL", SUBJECT, error.message, error.fix, error)]
    lines = [Finding("FAIL" if item.bad else "ok", item.subject, item.message) for item in found]
    if is_shared(target.ledger):
        lines.append(_try_out(store, target.ledger, writes=writes))
    elif must_share or (in_pipeline(environ) and not target.embedded):
        lines.append(_kept_here(target.name, must_share=must_share))
    return lines


def _kept_here(target: str, *, must_share: bool) -> Finding:
    message = "the ledger is on this machine's disk: other machines do not see it, and with a CI job it is gone"
    return Finding("FAIL" if must_share else "warn", SHARED, message, f"write ledger: s3://bucket/{target}")


def _try_out(store: StateStore, ledger: str, *, writes: bool) -> Finding:
    place = ledger.partition("?")[0]
    if not writes:
        return Finding("ok", SHARED, f"{place} can be read")
    try:
        if try_conditions(store):
            return Finding("ok", SHARED, f"{place} can be read and written, and honours the conditions of writes")
    except StorageError as error:
        from reconciler.engine.state.object_faults import StorageDenied

        if isinstance(error, StorageDenied):
            message = f"{place} can be read and not written: plan and drift work, what writes does not"
            return Finding("FAIL", SHARED, message, f"{error.fix}; or ask for --for plan alone", error)
        return Finding("FAIL", SHARED, error.message, error.fix, error)
    message = f"{place} ignores the conditions of writes: two commands could overwrite each other's ledger"
    return Finding("FAIL", SHARED, message, "use a store with conditional writes: S3 has them")


def try_conditions(store: StateStore) -> bool:
    """Whether a store refuses what it must refuse, tried on a blob of its own. Raises `StorageError`."""
    name = f"probe-{secrets.token_hex(8)}.json"
    version = store.write(name, b"1", None)
    try:
        for expected in (None, '"not-this-version"'):
            with suppress(LedgerConflict):
                store.write(name, b"2", expected)
                return False
        store.write(name, b"3", version)
    finally:
        with suppress(StorageError):
            store.delete(name)
    return True
