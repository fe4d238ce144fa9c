"""From a comparison to requests: the body of a create, the patch of an update, and lifecycle moves as steps of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from reconciler.core.compare import Comparison, FieldChange
from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.kind import Kind
from reconciler.core.mergepatch import apply_patch
from reconciler.core.plan import Problem, Step
from reconciler.core.resource import Desired, Key
from reconciler.core.rules import Rule, rules_of
from reconciler.core.sameness import common_key
from reconciler.core.values import ABSENT, Tree


def create_steps(kind: Kind, key: Key, fields: Tree) -> tuple[tuple[Step, ...], Problem | None]:
    """Create a resource; one with a lifecycle starts at its initial state and is moved by a second request."""
    body = _without_nulls(rules_of(kind), fields)
    rule = kind.lifecycle
    if rule is None or fields.get(rule.field) in (None, rule.initial):
        return (Step("create", body),), None
    target = fields[rule.field]
    body = {**body, rule.field: rule.initial}
    problem = _forbidden_move(kind, key, rule.initial, target)
    return (Step("create", body), _move(kind, target, body)), problem


def _without_nulls(rule: Rule, fields: Tree) -> Tree:
    """What a create sends: a null clears, and there is nothing to clear. Maps owned whole keep theirs, which are data.

    Without any, and that is nearly always, it is the very same tree: whoever goes on with both has to look at one.
    """
    sent: Tree | None = None
    for name, value in fields.items():
        inner = rule.child(name) if isinstance(value, dict) else None
        new = value if inner is None or inner.whole else _without_nulls(inner, value)
        if value is None or new is not value:
            sent = fields.copy() if sent is None else sent
            if value is None:
                del sent[name]
            else:
                sent[name] = new
    return fields if sent is None else sent


def update_steps(
    kind: Kind, key: Key, found: Comparison, fields: Tree, live: Tree
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Update a resource by what the comparison sends: fields first, then the lifecycle move."""
    patch = dict(found.patch)
    problems = [
        Problem(
            "G009",
            f"{key}: {change.label} cannot be changed once the resource exists",
            "undo the change, or declare a new resource under another name and move what refers to it",
            key,
        )
        for change in found.changes
        if change.sends and change.path[0] in kind.immutable
    ]
    steps: list[Step] = []
    rule = kind.lifecycle
    target = patch.pop(rule.field, ABSENT) if rule is not None else ABSENT
    after: Tree = _whole(kind, fields, apply_patch(live, patch))
    if patch:
        steps.append(Step("update", patch if _patches(kind) else after))
    if rule is not None and target is not ABSENT:
        target = rule.initial if target is None else target
        problem = _forbidden_move(kind, key, live.get(rule.field), target)
        problems += [problem] if problem else []
        steps.append(_move(kind, target, after))
    return tuple(steps), problems


def _patches(kind: Kind) -> bool:
    return kind.wire is None or kind.wire.update == "PATCH"


def _whole(kind: Kind, fields: Tree, after: Tree) -> Tree:
    """A resource as it will be, ready to be sent to an API that only knows PUT: of live code only a digest is known."""
    if kind.bundle is None or kind.bundle.field not in after:
        return after
    code = fields.get(kind.bundle.field)
    kept = {name: value for name, value in after.items() if name != kind.bundle.field}
    return kept if code is None else {**kept, kind.bundle.field: code}


def _move(kind: Kind, target: Any, after: Tree) -> Step:
    """A lifecycle move of a resource that otherwise is as it will be ``after`` the step before."""
    rule = kind.lifecycle
    assert rule is not None
    if not _patches(kind):
        return Step("move", {**after, rule.field: target})
    named = {name: after[name] for name in rule.with_fields if after.get(name) is not None}
    return Step("move", {rule.field: target, **named})


def _forbidden_move(kind: Kind, key: Key, source: Any, target: Any) -> Problem | None:
    rule = kind.lifecycle
    assert rule is not None
    if target in rule.moves.get(str(source), frozenset()):
        return None
    known = ", ".join(sorted(rule.moves.get(str(source), frozenset()))) or "nowhere"
    return Problem(
        "G010",
        f"{key}: {rule.field} cannot move from {source} to {target}; from {source} it moves to {known}",
        f"declare a {rule.field} that can be reached, or leave it out",
        key,
    )


def settled_fields(fields: Tree, base: Tree, ignore: Iterable[str]) -> Tree:
    """What the ledger holds after the change: the declared fields; ignored ones as they were last sent."""
    patterns = tuple(ignore)
    if not patterns:
        return fields
    settled: Tree = _keep_ignored(fields, base, (), patterns)
    return settled


def _keep_ignored(fields: Any, base: Any, path: tuple[str, ...], patterns: tuple[str, ...]) -> Any:
    if not isinstance(fields, dict):
        return fields
    out = {}
    for name, value in fields.items():
        here = (*path, name)
        old = base.get(name, ABSENT) if isinstance(base, dict) else ABSENT
        if any(fnmatchcase(".".join(here), pattern) for pattern in patterns):
            if old is not ABSENT:
                out[name] = old
        else:
            out[name] = _keep_ignored(value, old, here, patterns)
    return out


def sourced_marks(kind: Kind, changes: Iterable[FieldChange], desired: Desired) -> Mapping[str, Mark]:
    """Where in the source each difference is declared, by label."""
    marks = {}
    for change in changes:
        mark = desired.locate(_source_path(kind, change, desired.fields))
        if mark is not None:
            marks[change.label] = mark
    return marks


def _source_path(kind: Kind, change: FieldChange, fields: Tree) -> PathParts:
    """The path with an item's key replaced by its place in the list; the list itself where it lacks the item."""
    if change.keyed < 0:
        return change.path
    node: Any = fields
    rule = rules_of(kind)
    for part in change.path[: change.keyed]:
        node = node.get(part) if isinstance(node, dict) else None
        rule = rule.child(part)
    items = node if isinstance(node, list) else []
    name = common_key(rule.keyed, items)
    for index, item in enumerate(items if name else ()):
        if item[name] == change.path[change.keyed]:
            return (*change.path[: change.keyed], index, *change.path[change.keyed + 1 :])
    return change.path[: change.keyed]
