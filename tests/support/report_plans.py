"""Plans for reports: several kinds, all actions, as many changes as asked for, and chains of what waits for what."""

from __future__ import annotations

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Acknowledged, Action, Change, Cost, Orphan, Plan, Problem
from reconciler.core.resource import Key
from reconciler.core.values import ABSENT
from tests.support.render_plans import HEADER

KINDS = ("Connector", "DataAction", "Dataset", "FieldMapping", "StreamSink")
ACTIONS: tuple[Action, ...] = ("create", "update", "update", "delete")


def large(count: int) -> Plan:
    """A plan of ``count`` changes over five kinds; one in ten has drifted, one in fifty is in conflict."""
    return Plan(HEADER, tuple(_change(index) for index in range(count)), unchanged=7, cost=Cost(count, count / 10))


def told(plan: Plan) -> Plan:
    """The same plan with everything else that a report tells of."""
    problem = Problem("G001", "too much goes at once", "take less out", plan.changes[0].key, "G001=3")
    orphan = Orphan(Key("Dataset", "left"), "left behind", "id-left", "prune is off")
    return Plan(
        plan.header,
        plan.changes,
        (orphan,),
        (problem,),
        ("the ledger is new",),
        plan.unchanged,
        partial=True,
        cost=plan.cost,
        acknowledged=(
            Acknowledged(
                "G004:Dataset/left", "it is protected", "moved", "anna", "2026-04-01T00:00:00Z", "acks.yaml:3"
            ),
        ),
    )


def _change(index: int) -> Change:
    kind, action = KINDS[index % len(KINDS)], ACTIONS[index % len(ACTIONS)]
    key = Key(kind, f"resource-{index:04}")
    after = (Key(KINDS[(index - 1) % len(KINDS)], f"resource-{index - 1:04}"),) if index % 7 else ()
    return Change(
        key,
        action,
        key.name,
        "" if action == "create" else f"id-{index}",
        fields=_fields(index, action),
        after=after,
        mark=Mark(f"manifests/{kind.lower()}.yaml", index + 1, 1) if action != "delete" else None,
        modified=("jane@example.com", "2026-02-28T09:30:00Z"),
    )


def _fields(index: int, action: Action) -> tuple[FieldChange, ...]:
    url = f"https://api-{index}.example/v"
    if action == "create":
        return (FieldChange(("endpointUrl",), "ours", ABSENT, f"{url}1", ABSENT),)
    if action == "delete":
        return (FieldChange(("endpointUrl",), "ours", f"{url}1", ABSENT, f"{url}1"),)
    status = "both" if index % 50 == 1 else "theirs" if index % 10 == 1 else "ours"
    base = f"{url}2" if status == "theirs" else f"{url}1"
    live = f"{url}1" if status == "ours" else f"{url}9"
    return (
        FieldChange(("endpointUrl",), status, base, f"{url}2", live),  # type: ignore[arg-type]
        FieldChange(("limits", "perSecond"), "ours", 5, 10, 5),
    )
