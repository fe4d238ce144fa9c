"""Ownership without touching anything: adopting what is live, forgetting what was ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.compare import same
from reconciler.core.plan import Header
from reconciler.core.planning import Options, make_plan
from reconciler.core.resource import Desired, Entry, Key, Observed
from reconciler.core.values import ABSENT, MASKED, Secret, Tree
from reconciler.core.wire import live_tree
from reconciler.engine.actor import actor
from reconciler.engine.applying import refuse_open_journal
from reconciler.engine.clock import now, stamp
from reconciler.engine.observe import observe_kinds
from reconciler.engine.session import Session, run
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.ledger import LedgerWriter
from reconciler.errors import GuardRefused, NotFound, UsageError


def adopt(session: Session, key: Key, resource_id: str, lock_timeout: float) -> str:
    """Put a live resource into the ledger under a manifest's key; returns its id.

    What is live now becomes what was last applied, as far as the manifest declares it, so that nothing is called drift. Raises
    `UsageError` where no manifest declares the key, `NotFound` where nothing fits, `GuardRefused` where it belongs to another key.
    """
    desired = next((item for item in session.workspace.bound.desired if item.key == key), None)
    if desired is None:
        raise UsageError(f"no manifest declares {key}", fix="write its manifest first; `reconciler new` helps")

    with session.store.lease(actor(), f"adopt {key}", lock_timeout):
        refuse_open_journal(session)
        session.reload()
        if key in session.ledger.entries:
            raise UsageError(f"{key} is ours already (id {session.ledger.entries[key].id})")
        entry = _entry_of_live(session, desired, resource_id, run(lambda: _observe(session, key.kind)))
        _record(session, entry)
        return entry.id


async def _observe(session: Session, kind: str) -> dict[str, list[Observed]]:
    async with session.client(write=False) as client:
        return await observe_kinds(client, session.workspace.kinds, [kind])


def _entry_of_live(
    session: Session, desired: Desired, resource_id: str, observed: Mapping[str, list[Observed]]
) -> Entry:
    """The entry of the live resource that planning takes a manifest for: what it declares, as it is live."""
    key = desired.key
    plan = make_plan(
        [desired],
        observed,
        replace(session.ledger, lost=False),
        session.workspace.kinds,
        header=Header(),
        options=Options(adopt={key: resource_id}, partial=True),
        fingerprint=session.mark,
    )
    refusals = [item for item in plan.problems if item.code == "G011"]
    if refusals:
        raise GuardRefused(refusals[0].message, codes=["G011"], fix=refusals[0].fix)
    change = next((item for item in plan.changes if item.key == key), None)
    if change is None or change.action == "create" or change.entry is None:
        raise NotFound(
            f"nothing in the tenant fits {key}",
            fix=f"there is no {key.kind} named {desired.live_name!r}; give --id",
        )
    live = next(item for item in observed[key.kind] if item.id == change.resource_id)
    tree = live_tree(session.workspace.kinds[key.kind], live.body)
    return replace(change.entry, fields=_as_live(change.entry.fields, tree, desired))


def _as_live(declared: Tree, live: Tree, desired: Desired) -> Tree:
    """What the manifest declares, with the values that are live; what is not live is left out."""
    out: Tree = {}
    for name, value in declared.items():
        found: Any = live.get(name, ABSENT)
        if found is ABSENT:
            continue
        if isinstance(value, Secret):
            out[name] = value if found is MASKED else ABSENT
        elif isinstance(value, dict) and isinstance(found, dict) and not same(value, found):
            out[name] = _as_live(value, found, desired)
        else:
            out[name] = found if not _has_masked(found) else value
    return {name: value for name, value in out.items() if value is not ABSENT}


def _has_masked(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_masked(item) for item in value.values())
    return value is MASKED


def forget(session: Session, key: Key, lock_timeout: float) -> Entry:
    """Take a key out of the ledger; returns what was known of it. Raises `UsageError` where it is not there."""
    with session.store.lease(actor(), f"forget {key}", lock_timeout):
        refuse_open_journal(session)
        session.reload()
        entry = session.ledger.entries.get(key)
        if entry is None:
            from difflib import get_close_matches

            close = get_close_matches(str(key), [str(item) for item in session.ledger.entries], n=1)
            raise UsageError(
                f"the ledger does not know {key}",
                fix=f"did you mean {close[0]}?" if close else "`reconciler ledger list` shows what it knows",
            )
        _record(session, None, key)
        return entry


def _record(session: Session, entry: Entry | None, key: Key | None = None) -> None:
    """Write one entry (None: its removal) to ledger and audit log."""
    writer = LedgerWriter(session.store, session.ledger)
    audit = AuditLog(session.store, actor=actor(), head=session.ledger.audit_head)
    named = entry.key if entry is not None else key
    assert named is not None
    writer.put(named, entry)
    audit.add("adopt" if entry is not None else "forget", at=stamp(now()), resource=str(named))
    audit.flush()
    writer.save(audit_head=audit.head)
