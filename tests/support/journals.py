"""Records of a journal about one resource."""

from __future__ import annotations

from reconciler.core.plan import Header, Plan
from reconciler.core.resource import Key, Pin
from reconciler.engine.state.journal import pin_to_json

KEY = Key("Dataset", "tickets")
PIN = Pin("etag", "abc", "dd")
NO_CHANGES = Plan(Header())


def plan_of(stack: str, target: str) -> Plan:
    """A plan without changes, made for this stack and tenant."""
    return Plan(Header(stack=stack, url=target))


def intent(step: int) -> dict[str, object]:
    """A request is about to be sent."""
    return {"record": "intent", "key": str(KEY), "step": step, "id": "d1", "pin": pin_to_json(PIN)}


def outcome(step: int, what: str) -> dict[str, object]:
    """What became of it."""
    return {"record": "outcome", "key": str(KEY), "step": step, "outcome": what, "id": "d1", "pin": pin_to_json(PIN)}
