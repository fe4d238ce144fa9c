"""Whether a live resource already has what a request would set: how a write is recognised whose answer was lost. Pure."""

from __future__ import annotations

from typing import Any

from reconciler.core.compare import compare
from reconciler.core.kind import Kind
from reconciler.core.mergepatch import apply_patch
from reconciler.core.rules import Rule, rules_of
from reconciler.core.sameness import alike
from reconciler.core.values import ABSENT, MASKED, Secret, Tree

_EMPTY: tuple[Any, ...] = ("", [], {})


def holds(kind: Kind, wanted: Tree, live: Tree, *, whole: bool) -> bool:
    """Whether a live resource already has all that a request would set; secrets cannot be seen and count as set.

    A ``whole`` request (a create) says all there is to a collection that is owned whole; a merge patch names only the items
    that it changes. What a request clears is cleared where the server has put its default or something empty in its place.
    """
    desired = _without_nulls(wanted)
    if not whole:
        desired = apply_patch(live, desired)
    found = compare(kind, {}, desired, live, fingerprint=lambda secret: secret.fingerprint)
    if any(item.sends and not isinstance(item.desired, Secret) for item in found.changes):
        return False
    return not _kept(rules_of(kind), wanted, live)


def only_secrets(value: Any) -> bool:
    """Whether a request sets nothing but secrets."""
    if isinstance(value, dict):
        return all(only_secrets(item) for item in value.values())
    return isinstance(value, Secret)


def hides(value: Any) -> bool:
    """Whether a live tree holds anything that the API does not show."""
    if isinstance(value, dict):
        return any(hides(item) for item in value.values())
    return value is MASKED


def _without_nulls(tree: Tree) -> Tree:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }


def _kept(rule: Rule, wanted: Tree, live: Any) -> bool:
    """Whether something that the request clears is still there."""
    if not isinstance(live, dict):
        return False
    for name, value in wanted.items():
        there = live.get(name, ABSENT)
        if value is None and there not in _EMPTY and not alike(rule.child(name), None, there):
            return True
        if isinstance(value, dict) and _kept(rule.child(name), value, there):
            return True
    return False
