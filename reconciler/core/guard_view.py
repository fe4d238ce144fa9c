"""What a written guard sees of a change and of a plan: plain values with documented names, and never a secret.

A secret is ``{"secret": true, "reference": …}``, what is known after apply only ``{"unknown": …}``, a code bundle
``{"bundle": SHA-256}``; what is not there is null.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final, get_args

from reconciler.core.compare import FieldChange
from reconciler.core.kind import Kinds
from reconciler.core.plan import Action, Change, Plan
from reconciler.core.projection import WHOLE, Paths, pruned
from reconciler.core.rules import NO_RULE, Rule, rules_of
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Tree, Unknown

DEEPEST: Final = 100
"""Levels of a value that an expression may see; the library that evaluates it would not survive very deep ones."""

_INT64: Final = range(-(2**63), 2**63)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CHANGE_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "key": ("string", "Kind/name"),
    "kind": ("string", "the kind"),
    "name": ("string", "metadata.name"),
    "liveName": ("string", "the name in the tenant"),
    "id": ("string", "the live id; empty for what is to be created"),
    "action": ("string", "create, update, delete, adopt or forget"),
    "reason": ("string", "why, where the action alone does not say: `missing`, `with its records` …"),
    "movedFrom": ("string", "the key before metadata.movedFrom; empty where it did not move"),
    "labels": ("map(string, string)", "metadata.labels; empty where no manifest declares the resource any more"),
    "annotations": ("map(string, string)", "metadata.annotations, in the same way"),
    "file": ("string", "the manifest's file; empty where there is none"),
    "line": ("int", "the manifest's line, 0 where there is none"),
    "drifted": ("bool", "whether somebody changed the tenant behind git's back here"),
    "conflicted": ("bool", "whether git and the tenant both changed a field"),
    "fields": ("list(map)", "what differs: path, status (ours, theirs, both, unset, released), before, after, secret"),
    "before": ("map", "the declared fields as they are live; empty for a create"),
    "after": ("map", "the declared fields as they will be; empty for a delete"),
    "schemaChange": ("string", "none, compatible or breaking"),
    "effects": ("list(map)", "by column: effect, column, message"),
    "touches": ("list(string)", "mappings and jobs that a change of schema touches"),
    "modifiedBy": ("string", "who wrote the live resource last; empty where the API does not say"),
    "modifiedAt": ("string", "when (RFC 3339); empty where the API does not say"),
    "requests": ("int", "the writes that it takes"),
}
"""The fields of ``change`` with type and meaning."""

PLAN_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "counts": ("map(string, int)", "changes by action (create, update, delete, adopt, forget), `drifted`, and `all`"),
    "kinds": ("map(string, map)", "the same counts by kind, for every kind with a change"),
    "sizes": ("map(string, int)", "owned resources by kind"),
    "changes": ("list(map)", "every change, with the fields of `change`"),
    "unchanged": ("int", "resources that are as declared"),
    "manifests": ("int", "manifests that were planned"),
    "orphans": ("int", "owned resources without a manifest that are left alone"),
    "partial": ("bool", "whether the run was narrowed by paths or selectors"),
    "requests": ("int", "requests that applying takes"),
    "seconds": ("double", "seconds at the target's limit; 0 without one"),
}
"""The fields of ``plan`` with type and meaning."""

TARGET_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("string", "the target's name"),
    "url": ("string", "the tenant's address"),
}
LOCAL_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "weekday": ("string", "Monday to Sunday"),
    "date": ("string", "such as 2026-03-29"),
    "time": ("string", "such as 09:05"),
    "year": ("int", ""),
    "month": ("int", "from 1"),
    "day": ("int", "of the month, from 1"),
    "hour": ("int", "0 to 23"),
    "minute": ("int", "0 to 59"),
}
COMMON: Final[Mapping[str, tuple[str, str]]] = {
    "target": ("map", "name and url"),
    "stack": ("string", "the project's stack"),
    "commit": ("string", "the git commit; empty where there is none"),
    "now": ("timestamp", "when the plan was made"),
    "local": ("map", "the same moment in the rule's time zone: weekday, date, time, year, month, day, hour, minute"),
}
"""The variables that every rule has, besides ``change`` or ``plan``."""

FIELDS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "change": CHANGE_FIELDS,
    "plan": PLAN_FIELDS,
    "target": TARGET_FIELDS,
    "local": LOCAL_FIELDS,
}
"""The variables that have fields, with them."""

_COUNTED: Final = tuple(action for action in get_args(Action) if action != "none")


def change_view(change: Change, kinds: Kinds, read: Paths = WHOLE) -> dict[str, Any]:
    """``change``, less what is not read of it; raises `ValueError` where a value is nested too deep to be looked at."""
    names = read or CHANGE_FIELDS
    return {name: _CHANGE_VIEWS[name](change, kinds, read.get(name, WHOLE)) for name in names if name in _CHANGE_VIEWS}


def plan_view(plan: Plan, kinds: Kinds, read: Paths = WHOLE, items: Paths = WHOLE) -> dict[str, Any]:
    """``plan``, less what is not read of it and of each of its changes; raises `ValueError` as `change_view` does."""
    changes = [change for change in plan.changes if change.action != "none"]
    by_kind: dict[str, list[Change]] = {}
    for change in changes:
        by_kind.setdefault(change.key.kind, []).append(change)
    views: dict[str, Callable[[], Any]] = {
        "counts": lambda: counts_of(changes),
        "kinds": lambda: {kind: counts_of(found) for kind, found in sorted(by_kind.items())},
        "sizes": lambda: dict(plan.sizes),
        "changes": lambda: [change_view(change, kinds, items) for change in changes],
        "unchanged": lambda: plan.unchanged,
        "manifests": lambda: plan.manifests,
        "orphans": lambda: len(plan.orphans),
        "partial": lambda: plan.partial,
        "requests": lambda: plan.cost.requests,
        "seconds": lambda: float(plan.cost.seconds),
    }
    return {name: views[name]() for name in read or views if name in views}


def counts_of(changes: Collection[Change]) -> dict[str, int]:
    """Changes by action, those in which the tenant had moved, and all."""
    counts: dict[str, int] = dict.fromkeys(_COUNTED, 0)
    for change in changes:
        counts[change.action] += 1
    return {**counts, "drifted": sum(change.drifted for change in changes), "all": len(changes)}


def local_view(moment: datetime) -> dict[str, Any]:
    """A moment as its own time zone tells it."""
    return {
        "weekday": _WEEKDAYS[moment.weekday()],
        "date": moment.date().isoformat(),
        "time": f"{moment.hour:02}:{moment.minute:02}",
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "hour": moment.hour,
        "minute": moment.minute,
    }


def plain(value: Any, depth: int = 0) -> Any:
    """A value of a tree as an expression sees it; raises `ValueError` where it is nested too deep."""
    if depth > DEEPEST:
        raise ValueError(f"a value is nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        # A lone surrogate can stand in JSON and is no text.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {plain(name): plain(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth + 1) for item in value]
    return _leaf(value)


def _leaf(value: Any) -> Any:
    if value is ABSENT or value is None or isinstance(value, bool):
        return None if value is ABSENT else value
    if isinstance(value, int) and value not in _INT64:
        return float(value) if abs(value) < 10**300 else str(value)
    if isinstance(value, Secret):
        return {"secret": True, "reference": plain(value.reference)}
    if value is MASKED:
        return {"secret": True, "reference": ""}
    if isinstance(value, (Unknown, Template)):
        return {"unknown": plain(str(value))}
    if isinstance(value, Bundle):
        return {"bundle": value.sha256}
    return value


def before_tree(change: Change, kinds: Kinds) -> Tree:
    """The declared fields as they are live, from what a change says of them."""
    if change.action == "create" or change.entry is None:
        return {item.path[0]: item.live for item in change.fields if len(item.path) == 1 and item.live is not ABSENT}
    kind = kinds.get(change.key.kind)
    rules = rules_of(kind) if kind is not None else NO_RULE
    tree: Any = change.entry.fields
    for item in change.fields:
        tree = _put(tree, rules, item.path, item.live)
    return dict(tree)


def _put(node: Any, rule: Rule, path: tuple[str, ...], value: Any) -> Any:
    """A copy of a tree with another value at a path; items of a keyed list are named by their key."""
    if isinstance(node, list):
        return _put_item(node, rule, path, value)
    inner = dict(node) if isinstance(node, dict) else {}
    head, rest = path[0], path[1:]
    new = value if not rest else _put(inner.get(head), rule.child(head), rest, value)
    if new is ABSENT:
        inner.pop(head, None)
    else:
        inner[head] = new
    return inner


def _put_item(items: list[Any], rule: Rule, path: tuple[str, ...], value: Any) -> list[Any]:
    head, rest = path[0], path[1:]
    named = [isinstance(item, dict) and any(item.get(name) == head for name in rule.keyed) for item in items]
    if not rest:
        kept = [item for item, here in zip(items, named, strict=True) if not here]
        return kept if value is ABSENT else [*kept, value]
    child = rule.child(head)
    return [_put(item, child, rest, value) if here else item for item, here in zip(items, named, strict=True)]


def _field(item: FieldChange) -> dict[str, Any]:
    return {
        "path": plain(item.label),
        "status": item.status,
        "before": plain(item.live),
        "after": plain(item.desired),
        "secret": item.secret,
    }


def _schema_change(change: Change) -> str:
    effects = {effect.effect for effect in change.effects}
    return "breaking" if "breaking" in effects else "compatible" if effects else "none"


_CHANGE_VIEWS: Final[Mapping[str, Callable[[Change, Kinds, Paths], Any]]] = {
    "key": lambda change, *_: str(change.key),
    "kind": lambda change, *_: change.key.kind,
    "name": lambda change, *_: change.key.name,
    "liveName": lambda change, *_: plain(change.live_name),
    "id": lambda change, *_: plain(change.resource_id),
    "action": lambda change, *_: change.action,
    "reason": lambda change, *_: plain(change.reason),
    "movedFrom": lambda change, *_: str(change.moved_from or ""),
    "labels": lambda change, *_: plain(dict(change.labels)),
    "annotations": lambda change, *_: plain(dict(change.annotations)),
    "file": lambda change, *_: plain(change.mark.file) if change.mark else "",
    "line": lambda change, *_: change.mark.line if change.mark else 0,
    "drifted": lambda change, *_: change.drifted,
    "conflicted": lambda change, *_: change.conflicted,
    "fields": lambda change, *_: [_field(item) for item in change.fields],
    "before": lambda change, kinds, read: plain(pruned(before_tree(change, kinds), read)),
    "after": lambda change, _, read: plain(pruned(change.entry.fields, read)) if change.entry is not None else {},
    "schemaChange": lambda change, *_: _schema_change(change),
    "effects": lambda change, *_: [
        {"effect": item.effect, "column": plain(item.column), "message": plain(item.message)} for item in change.effects
    ],
    "touches": lambda change, *_: [str(key) for key in change.touches],
    "modifiedBy": lambda change, *_: plain(change.modified[0]),
    "modifiedAt": lambda change, *_: plain(change.modified[1]),
    "requests": lambda change, *_: len(change.steps),
}
