"""The three-way comparison: what git wants (D), what was last applied (B), what is live (L), field by field.

Objects are owned field by field; maps and lists that a kind owns whole are compared item by item, and an item that is not
declared is a difference like any other. The walk yields the differences and, along the way, the tree of values to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from reconciler.core.kind import Kind
from reconciler.core.rules import Rule, rules_of
from reconciler.core.sameness import alike, common_key, identical, items_by, keyed_by, same
from reconciler.core.values import ABSENT, MASKED, Secret, Tree

__all__ = ["Comparison", "FieldChange", "Fingerprint", "Path", "SecretState", "Status", "compare", "same"]

Status = Literal["ours", "theirs", "both", "unset", "released"]
SecretState = Literal["", "new", "rotated", "unchecked", "missing", "forced"]
Fingerprint = Callable[[Secret], str]
"""Gives a secret's fingerprint, or an empty string where its value is out of reach."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference: where, whose doing, and the three values (each may be `ABSENT`).

    ``path`` names fields, and items of keyed collections by their key. ``status`` is ``ours`` (git moved), ``theirs`` (the
    tenant moved: drift), ``both`` (a conflict), ``unset`` (no longer declared, cleared once) or ``released`` (no longer
    declared and changed by somebody else: left alone). ``keyed`` is the index in ``path`` of an item's key, or -1.
    """

    path: Path
    status: Status
    base: Any
    desired: Any
    live: Any
    secret: SecretState = ""
    keyed: int = -1

    @property
    def label(self) -> str:
        """The path as people write it: ``mappings[phone].direction``."""
        if len(self.path) == 1 and self.keyed:
            return self.path[0]
        out = ""
        for index, part in enumerate(self.path):
            out += f"[{part}]" if index == self.keyed else f".{part}" if out else part
        return out

    @property
    def sends(self) -> bool:
        """Whether this difference is written to the tenant."""
        return self.status != "released" and self.secret != "unchecked"  # noqa: S105


def all_new(declared: Tree) -> tuple[FieldChange, ...]:
    """The differences of a resource that is not there yet: each of its fields is new."""
    return tuple(
        FieldChange((name,), "ours", ABSENT, value, ABSENT, "new" if isinstance(value, Secret) else "")
        for name, value in sorted(declared.items())
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of one three-way comparison.

    ``patch`` is a merge patch over trees (null clears), empty when nothing is to be sent; ``unchecked`` the paths of secrets
    whose provider is out of reach; ``stale_base`` is whether the ledger's base should be refreshed though nothing is sent.
    """

    changes: tuple[FieldChange, ...]
    patch: Tree
    unchecked: tuple[Path, ...]
    stale_base: bool


@dataclass(slots=True)
class _Walk:
    """One comparison: its options, and what has been found so far."""

    kind: Kind
    ignore: tuple[str, ...]
    fingerprint: Fingerprint
    force_secrets: bool
    keep_secrets: bool
    changes: list[FieldChange]
    unchecked: list[Path]
    stale_base: bool = False

    def ignored(self, path: Path) -> bool:
        """Whether ``lifecycle.ignoreChanges`` names the path; what is below an ignored one is never reached."""
        dotted = ".".join(path)
        return any(fnmatchcase(dotted, item) for item in self.ignore)

    def note(self, path: Path, status: Status, base: Any, desired: Any, live: Any, secret: SecretState = "") -> None:
        """Keep a difference."""
        self.changes.append(FieldChange(path, status, base, desired, live, secret))


def compare(
    kind: Kind,
    base: Tree,
    desired: Tree,
    live: Tree,
    *,
    fingerprint: Fingerprint,
    ignore: Iterable[str] = (),
    force_secrets: bool = False,
    keep_secrets: bool = False,
) -> Comparison:
    """Compare the three trees of one resource (design §3's table), all of them normalised.

    ``base`` is empty for a resource that was never applied. ``force_secrets`` writes every secret again; ``keep_secrets``
    leaves those alone that were never applied (an adoption writes none).
    """
    walk = _Walk(kind, tuple(ignore), fingerprint, force_secrets, keep_secrets, [], [])
    rules = rules_of(kind)
    patch: Tree = {}
    for name, wanted in desired.items():
        was, there = base.get(name, ABSENT), live.get(name, ABSENT)
        if identical(wanted, there, was):
            continue
        value = _node(walk, rules.child(name), (name,), was, wanted, there, None)
        if value is not ABSENT:
            patch[name] = value
    for name, was in base.items():
        if name not in desired:
            value = _node(walk, rules.child(name), (name,), was, ABSENT, live.get(name, ABSENT), None)
            if value is not ABSENT:
                patch[name] = value
    order = sorted(walk.changes, key=lambda change: change.path)
    return Comparison(tuple(order), patch, tuple(sorted(walk.unchecked)), walk.stale_base)


def _node(walk: _Walk, rule: Rule, path: Path, base: Any, desired: Any, live: Any, known: bool | None) -> Any:
    """Compare one place; returns what the patch holds there, `ABSENT` for nothing.

    ``known`` is None outside of a collection that is owned whole; inside it says whether the base knew that collection.
    """
    if walk.ignore and walk.ignored(path):
        return ABSENT
    if isinstance(desired, dict):
        return _object(walk, rule, path, base, desired, live, known)
    if isinstance(desired, list) and rule.keyed:
        return _keyed_list(walk, rule, path, base, desired, live, known)
    if desired is ABSENT and known is None and not rule.whole and isinstance(base, dict) and isinstance(live, dict):
        return _fields(walk, rule, path, base, {}, live, None)
    return _leaf(walk, rule, path, base, desired, live, known)


def _object(walk: _Walk, rule: Rule, path: Path, base: Any, desired: Tree, live: Any, known: bool | None) -> Any:
    nothing = live is ABSENT or live is None
    if nothing and known is not None:
        # An item of a collection that is not there is shown as one thing.
        return _leaf(walk, rule, path, base, desired, live, known)
    if known is None and rule.whole:
        known = base is not ABSENT
    found = _fields(walk, rule, path, base, desired, live, known)
    if found is not ABSENT or isinstance(live, dict) or (desired and nothing):
        return found
    # Nothing inside says it, but what is live is no object at all.
    return _leaf(walk, rule, path, base, desired, live, known)


def _fields(walk: _Walk, rule: Rule, path: Path, base: Any, desired: Tree, live: Any, known: bool | None) -> Any:
    base_map = base if isinstance(base, dict) else {}
    live_map = live if isinstance(live, dict) else {}
    patch = {}
    for name in {**desired, **base_map, **(live_map if known is not None else {})}:
        value = _node(
            walk,
            rule.child(name),
            (*path, name),
            base_map.get(name, ABSENT),
            desired.get(name, ABSENT),
            live_map.get(name, ABSENT),
            known,
        )
        if value is not ABSENT:
            patch[name] = value
    return patch or ABSENT


def _keyed_list(
    walk: _Walk, rule: Rule, path: Path, base: Any, desired: list[Any], live: Any, known: bool | None
) -> Any:
    """Compare a list whose items have keys; any difference sends the whole list, as a merge patch must."""
    key = common_key(rule.keyed, desired, live if isinstance(live, list) else [])
    if not key:
        return _leaf(walk, rule, path, base, desired, live, known)
    before = len(walk.changes)
    was = items_by(key, base) if isinstance(base, list) and keyed_by(base, key) else {}
    wanted = items_by(key, desired)
    there = items_by(key, live) if isinstance(live, list) else {}
    found = _fields(walk, rule, path, was, wanted, there, base is not ABSENT)
    walk.changes[before:] = [replace(change, keyed=len(path)) for change in walk.changes[before:]]
    if found is ABSENT:
        return ABSENT if isinstance(live, list) else _leaf(walk, rule, path, base, desired, live, known)
    return list(_kept(walk, path, wanted, there).values()) if walk.ignore else desired


def _kept(walk: _Walk, path: Path, wanted: Tree, live: Tree) -> Tree:
    """What to send of a list where parts are ignored: those as they are live, since the list goes as a whole."""
    out: Tree = {}
    for name in {**wanted, **live}:
        here = (*path, name)
        if walk.ignored(here):
            if name in live:
                out[name] = live[name]
        elif isinstance(wanted.get(name), dict) and isinstance(live.get(name), dict):
            out[name] = _kept(walk, here, wanted[name], live[name])
        elif name in wanted:
            out[name] = wanted[name]
    return out


def _leaf(walk: _Walk, rule: Rule, path: Path, base: Any, desired: Any, live: Any, known: bool | None) -> Any:
    if isinstance(desired, Secret):
        return _secret(walk, path, base, desired, live)
    if desired is ABSENT:
        return _undeclared(walk, rule, path, base, live, known)
    if alike(rule, desired, live):
        walk.stale_base = walk.stale_base or base is ABSENT or not alike(rule, base, desired)
        return ABSENT
    status: Status
    if base is ABSENT:
        status = "ours"
    elif alike(rule, base, desired):
        status = "theirs"
    else:
        status = "ours" if alike(rule, base, live) else "both"
    walk.note(path, status, base, desired, live)
    return desired


def _undeclared(walk: _Walk, rule: Rule, path: Path, base: Any, live: Any, known: bool | None) -> Any:
    """What is not declared: nothing of ours, an item of a collection owned whole, or a field that we set and give up."""
    if live is ABSENT or live is None:
        walk.stale_base = walk.stale_base or base is not ABSENT
        return ABSENT
    status: Status
    unchanged = base is not ABSENT and alike(rule, base, live)
    if known is not None:
        added: Status = "theirs" if known else "ours"
        status = added if base is ABSENT else "ours" if unchanged else "both"
        walk.note(path, status, base, ABSENT, live)
        return None
    if base is ABSENT:
        return ABSENT
    if unchanged and alike(rule, None, live):
        walk.stale_base = True
        return ABSENT
    status = "unset" if unchanged and _clearable(walk.kind, rule, path) else "released"
    walk.note(path, status, base, ABSENT, live)
    return None if status == "unset" else ABSENT


def _clearable(kind: Kind, rule: Rule, path: Path) -> bool:
    """Whether a field can be unset; a status cannot: giving it up leaves the resource in the one that it has."""
    status = kind.lifecycle.field if kind.lifecycle else ""
    return not rule.required and path[0] not in kind.immutable and path[0] != status


def _secret(walk: _Walk, path: Path, base: Any, desired: Secret, live: Any) -> Any:
    """A secret is never compared with what is live: its fingerprint is, with the one that was last applied."""
    mark = walk.fingerprint(desired)
    state: SecretState
    status: Status = "ours"
    applied = isinstance(base, Secret)
    rotated = applied and bool(mark) and mark != base.fingerprint
    if walk.force_secrets:
        state = "forced"
    elif not applied:
        if walk.keep_secrets:
            return ABSENT
        state = "new"
    elif live is not MASKED:
        state, status = "missing", "both" if rotated else "theirs"
    elif rotated:
        state = "rotated"
    else:
        if not mark:
            walk.unchecked.append(path)
        walk.stale_base = walk.stale_base or base.reference != desired.reference
        return ABSENT
    # What stands in the clear where git has a secret may well be that secret.
    walk.note(path, status, base, desired, live if live is ABSENT or live is None else MASKED, state)
    return desired
