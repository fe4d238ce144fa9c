"""Drift: the part of a plan that is the tenant's doing, and what lives there without a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from reconciler.core.plan import Change, Plan
from reconciler.core.planfile import plan_to_json
from reconciler.core.resource import Observed
from reconciler.cxone.client import Client
from reconciler.engine.observe import observe, observe_kinds
from reconciler.engine.planner import Request, compose
from reconciler.engine.session import Session, run


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found: a plan that holds the drifted resources only, and unmanaged ones as (kind, name, id).

    Unmanaged is what no manifest declares; ``orphans`` are those ids of it that this project applied when one did.
    ``whole`` is the plan with git's changes, ``observed`` what both were made from: the live resources by kind.
    """

    plan: Plan
    unmanaged: tuple[tuple[str, str, str], ...]
    whole: Plan
    observed: Mapping[str, list[Observed]]
    orphans: frozenset[str] = frozenset()

    def to_json(self, *, unmanaged: bool, more: Mapping[str, Any] | None = None) -> str:
        """The drift as JSON: the plan's form, cut down to what drifted; ``more`` are further members."""
        data = {**plan_to_json(self.plan), **(more or {})}
        if unmanaged:
            data["unmanaged"] = [{"kind": kind, "name": name, "id": found} for kind, name, found in self.unmanaged]
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def find_drift(session: Session, *, unmanaged: bool = False) -> Drift:
    """Compare the ledger with the tenant; reads only. ``unmanaged`` looks at every kind, also at those nobody declares."""

    async def work() -> Drift:
        if unmanaged:
            session.extra_kinds |= _live_kinds(session)
        async with session.client(write=False) as client:
            return drift_of(session, await observe_drift(session, client, unmanaged=unmanaged))

    return run(work)


async def observe_drift(session: Session, client: Client, *, unmanaged: bool) -> Mapping[str, list[Observed]]:
    """The live resources by kind: of the kinds of manifests and ledger, and of all kinds with ``unmanaged``."""
    kinds = session.workspace.kinds
    observed = await observe(client, kinds, session.workspace.bound.desired, session.ledger)
    others = (_live_kinds(session) if unmanaged else set()) - observed.keys()
    return {**observed, **await observe_kinds(client, kinds, others)} if others else observed


def drift_of(session: Session, observed: Mapping[str, list[Observed]]) -> Drift:
    """What an observation shows."""
    workspace = session.workspace
    plan = compose(workspace, observed, session.ledger, Request(prune=False), fingerprint=session.mark)
    lost = {orphan.key for orphan in plan.orphans}
    lost |= {change.key for change in plan.changes if change.action in ("delete", "forget")}
    entries = session.ledger.entries
    owned = {(key.kind, entry.id) for key, entry in entries.items() if key not in lost}
    declared = {(item.key.kind, item.live_name) for item in workspace.bound.desired}
    foreign = sorted(
        (kind, item.name, item.id)
        for kind, items in observed.items()
        for item in items
        if (kind, item.id) not in owned and (kind, item.name) not in declared
    )
    orphans = frozenset(entries[key].id for key in lost if key in entries)
    return Drift(_only_drift(plan, session), tuple(foreign), plan, observed, orphans)


def begun(change: Change) -> datetime | None:
    """When a resource was last written, by the tenant's word; None where it does not say."""
    try:
        moment = datetime.fromisoformat(change.modified[1]) if change.modified[1] else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _live_kinds(session: Session) -> set[str]:
    return {name for name, kind in session.workspace.kinds.items() if kind.wire}


def _only_drift(plan: Plan, session: Session) -> Plan:
    """The plan without what is git's doing; a resource that vanished and has no manifest any more is drift, too."""
    kept: list[Change] = []
    for change in plan.changes:
        gone = change.action == "forget" and change.reason == "already gone"
        if gone:
            kept.append(replace(change, reason="missing"))
        elif change.drifted and change.key in session.ledger.entries:
            theirs = tuple(
                item for item in change.fields if item.status in ("theirs", "both") or change.reason == "missing"
            )
            kept.append(replace(change, fields=theirs))
    return replace(plan, changes=tuple(kept), problems=(), orphans=(), warnings=())
