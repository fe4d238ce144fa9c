"""The two digests of a plan.

``planDigest`` covers everything and shows accidents (not forgery: whoever can write the file can write the digest).
``changeDigest`` covers what a reviewer approved: the changes alone, without pins, ids, times, commit and sources, and without
what a reviewer's machine cannot know (whether a secret rotated).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.codec import encode_tree
from reconciler.core.plan import Change, Plan
from reconciler.core.values import ABSENT, PLAIN, Secret, with_changed
from reconciler.core.wire import canonical

ABSENT_JSON: Final = {"@reconciler": {"absent": True}}
"""How a plan's JSON says that there is nothing."""


def plan_digest(data: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over a plan's JSON without its own digest."""
    return hashlib.sha256(canonical({key: value for key, value in data.items() if key != "planDigest"})).hexdigest()


def change_digest(plan: Plan) -> str:
    """SHA-256 (hex) over the changes alone: what ``apply --expect`` compares."""
    changes = [found for change in plan.changes if (found := _reviewed(change))]
    return hashlib.sha256(canonical(sorted(changes, key=lambda item: str(item["key"])))).hexdigest()


def digest_of_change(change: Change) -> str:
    """SHA-256 (hex) over one change as a reviewer sees it: what an acknowledgement names; the same wherever it is planned."""
    return hashlib.sha256(canonical(_reviewed(change))).hexdigest()


def _reviewed(change: Change) -> dict[str, Any] | None:
    """What a reviewer approves of one change; None where nothing is left of it."""
    fields = [
        {
            "path": list(item.path),
            "status": item.status,
            "before": _reviewed_value(item.live),
            "after": _reviewed_value(item.desired),
        }
        for item in change.fields
        if not (isinstance(item.desired, Secret) and item.secret in ("rotated", "forced"))
    ]
    if change.action == "none" or (change.action == "update" and not fields):
        return None
    return {
        "key": str(change.key),
        "action": change.action,
        "name": change.live_name,
        "reason": change.reason,
        "fields": fields,
    }


def _reviewed_value(value: Any) -> Any:
    kind = value.__class__
    if kind in PLAIN:
        return value
    if kind is dict or kind is list:
        return with_changed(value, _reviewed_value)
    if isinstance(value, Secret):
        return {"secret": value.reference}
    return value_to_json(value)


def value_to_json(value: Any) -> Any:
    """A value of a plan's field as JSON."""
    return ABSENT_JSON if value is ABSENT else encode_tree(value)
