"""Whether a tenant is still as the reviewer of a saved plan saw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.changes import pin_of
from reconciler.core.kind import Kinds
from reconciler.core.plan import Change, Plan
from reconciler.core.resource import Key, Observed, Pin


def moved_since(plan: Plan, fresh: Mapping[str, Iterable[Observed]], kinds: Kinds, style: Any) -> list[Key]:
    """The changes of a saved plan whose live resource is no longer in the state that was reviewed."""
    by_id = {(kind, item.id): item for kind, items in fresh.items() for item in items}
    names = {(kind, item.name) for kind, items in fresh.items() for item in items}
    moved = []
    freed = {(item.key.kind, _old_name(item)) for item in plan.changes}
    for change in plan.changes:
        kind = kinds.get(change.key.kind)
        if kind is None or not change.steps:
            continue
        if change.action == "create":
            place = (change.key.kind, change.live_name)
            if place in names and place not in freed:
                moved.append(change.key)
            continue
        live = by_id.get((change.key.kind, change.resource_id))
        if live is None and change.action == "delete":
            continue
        if live is None or _moved(change.pin, pin_of(kind, live, style)):
            moved.append(change.key)
    return moved


def _old_name(change: Change) -> str:
    renamed = next((item for item in change.fields if item.path == ("name",)), None)
    if change.action == "delete":
        return change.live_name
    return str(renamed.live) if renamed is not None and change.action == "update" else ""


def _moved(planned: Pin, found: Pin) -> bool:
    if planned.style == "etag" and found.style == "etag":
        return planned.value != found.value
    return planned.digest != found.digest
