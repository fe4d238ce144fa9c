"""Plans of a few made-up resources, and what tests ask of them."""

from __future__ import annotations

from typing import Any

from reconciler.core.plan import Change, Header, Plan
from reconciler.core.planning import Options, make_plan
from reconciler.core.resource import Desired, Entry, Key, Ledger, Lifecycle, Observed
from tests.support.kinds import KINDS, fingerprint

W, V, G, T = Key("Widget", "w"), Key("Widget", "v"), Key("Gadget", "g"), Key("Ledgerbook", "t")


def want(key: Key, **fields: Any) -> Desired:
    """A manifest; fields beside those of `Desired` are its own."""
    lifecycle = fields.pop("lifecycle", Lifecycle())
    after = fields.pop("after", ())
    moved = fields.pop("moved_from", None)
    return Desired(key, {"name": key.name, **fields}, lifecycle, after, moved_from=moved)


def live(key: Key, resource_id: str = "", **fields: Any) -> Observed:
    """What is live, as the tenant shows it."""
    resource_id = resource_id or f"id-{key.name}"
    body = {"name": key.name, **fields, "id": resource_id, "etag": f"etag-{resource_id}", "lastModifiedBy": "ann"}
    return Observed(key.kind, resource_id, body, body["etag"])


def entry(key: Key, resource_id: str = "", after: tuple[Key, ...] = (), **fields: Any) -> Entry:
    """What the ledger knows; ``protect`` and ``retain`` are flags."""
    flags = {name: fields.pop(name) for name in ("protect", "retain") if name in fields}
    return Entry(key, resource_id or f"id-{key.name}", {"name": key.name, **fields}, after, **flags)


def plan(
    desired: list[Desired], observed: list[Observed], entries: list[Entry], *, lost: bool = False, **options: Any
) -> Plan:
    """The plan of all that; ``options`` are those of planning."""
    by_kind: dict[str, list[Observed]] = {}
    for item in observed:
        by_kind.setdefault(item.kind, []).append(item)
    ledger = Ledger("s", "t", {item.key: item for item in entries}, lost=lost)
    return make_plan(
        desired, by_kind, ledger, KINDS, header=Header(), options=Options(**options), fingerprint=fingerprint
    )


def actions(made: Plan) -> list[tuple[str, str]]:
    """What a plan does, in its order."""
    return [(change.action, str(change.key)) for change in made.changes]


def codes(made: Plan) -> list[str]:
    """What stands in the way of a plan."""
    return [problem.code for problem in made.problems]


def only(made: Plan) -> Change:
    """The one change of a plan."""
    [change] = made.changes
    return change
