"""The three-way comparison: what git wants (D), what was last applied (B), what is live (L), field by field.

Objects are owned field by field; maps and lists that a kind owns whole are compared item by item, and an item that is not
declared is a difference like any other. The walk yields the differences and, along the way, the tree of values to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from reconciler.core.kind import Kind
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Tree, Unknown

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
        out = ""
        for index, part in enumerate(self.path):
            out += f"[{part}]" if index == self.keyed else f".{part}" if out else part
        return out

    @property
    def sends(self) -> bool:
        """Whether this difference is written to the tenant."""
        return self.status != "released" and self.secret != "unchecked"  # noqa: S105


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


class _Walk:
    """The state of one comparison: options, and what has been found so far."""

    def __init__(self, kind: Kind, ignore: Iterable[str], fingerprint: Fingerprint, force_secrets: bool) -> None:
        self.kind = kind
        self.ignore = tuple(ignore)
        self.fingerprint = fingerprint
        self.force_secrets = force_secrets
        self.changes: list[FieldChange] = []
        self.unchecked: list[Path] = []
        self.stale_base = False

    def ignored(self, path: Path) -> bool:
        """Whether ``lifecycle.ignoreChanges`` names the path or something above it."""
        if not self.ignore:
            return False
        dotted = ".".join(path)
        return any(fnmatchcase(dotted, item) or fnmatchcase(dotted, f"{item}.*") for item in self.ignore)


def compare(
    kind: Kind,
    base: Tree,
    desired: Tree,
    live: Tree,
    *,
    fingerprint: Fingerprint,
    ignore: Iterable[str] = (),
    force_secrets: bool = False,
) -> Comparison:
    """Compare the three trees of one resource (design §3's table), all of them normalised.

    ``base`` is empty for a resource that was never applied. ``force_secrets`` writes every secret again.
    """
    walk = _Walk(kind, ignore, fingerprint, force_secrets)
    patch: Tree = {}
    names = [*desired, *(name for name in base if name not in desired)]
    for name in names:
        value = _node(
            walk,
            (name,),
            base.get(name, ABSENT),
            desired.get(name, ABSENT),
            live.get(name, ABSENT),
            whole=False,
            had=False,
        )
        if value is not ABSENT:
            patch[name] = value
    order = sorted(walk.changes, key=lambda change: change.path)
    return Comparison(tuple(order), patch, tuple(sorted(walk.unchecked)), walk.stale_base)


def _node(walk: _Walk, path: Path, base: Any, desired: Any, live: Any, *, whole: bool, had: bool) -> Any:
    """Compare one place; returns what the patch holds there, `ABSENT` for nothing.

    ``whole`` is true inside a collection that is owned whole; ``had`` then says whether the base knew that collection.
    """
    if walk.ignored(path):
        return ABSENT
    pattern = ".".join(path)
    if not whole and (pattern in walk.kind.keyed_lists) and isinstance(desired, list):
        return _keyed_list(walk, path, base, desired, live)
    if not whole and pattern in walk.kind.whole and isinstance(desired, dict):
        inner = _map(walk, path, base, desired, live, whole=True, had=base is not ABSENT)
        return (
            inner
            if inner is not ABSENT or isinstance(live, dict)
            else _leaf(walk, path, base, desired, live, False, False)
        )
    if isinstance(desired, dict) and (desired or isinstance(live, dict)) and not (whole and live is ABSENT):
        return _map(walk, path, base, desired, live, whole=whole, had=had)
    if desired is ABSENT and isinstance(base, dict) and not whole and pattern not in walk.kind.whole:
        return _map(walk, path, base, {}, live, whole=False, had=False)
    return _leaf(walk, path, base, desired, live, whole, had)


def _map(walk: _Walk, path: Path, base: Any, desired: Tree, live: Any, *, whole: bool, had: bool) -> Any:
    base_map = base if isinstance(base, dict) else {}
    live_map = live if isinstance(live, dict) else {}
    names = dict.fromkeys([*desired, *base_map, *(live_map if whole else ())])
    patch = {}
    for name in names:
        value = _node(
            walk,
            (*path, name),
            base_map.get(name, ABSENT),
            desired.get(name, ABSENT),
            live_map.get(name, ABSENT),
            whole=whole,
            had=had,
        )
        if value is not ABSENT:
            patch[name] = value
    return patch or ABSENT


def _keyed_list(walk: _Walk, path: Path, base: Any, desired: list[Any], live: Any) -> Any:
    """Compare a list whose items have keys; any difference sends the whole list, as a merge patch must."""
    key = _common_key(walk.kind.keyed_lists[".".join(path)], base, desired, live)
    if not key:
        return _leaf(walk, path, base, desired, live, False, False)
    before = len(walk.changes)
    by_key = [{item[key]: item for item in side} if isinstance(side, list) else {} for side in (base, desired, live)]
    found = _map(walk, path, by_key[0], by_key[1], by_key[2], whole=True, had=isinstance(base, list))
    for index in range(before, len(walk.changes)):
        walk.changes[index] = _with_key(walk.changes[index], len(path))
    if found is ABSENT and not isinstance(live, list):
        return _leaf(walk, path, base, desired, live, False, False)
    return ABSENT if found is ABSENT else desired


def _with_key(change: FieldChange, index: int) -> FieldChange:
    return FieldChange(change.path, change.status, change.base, change.desired, change.live, change.secret, index)


def _common_key(candidates: tuple[str, ...], *sides: Any) -> str:
    """The first candidate that every item of every side has, without duplicates; empty where there is none."""
    lists = [side for side in sides if isinstance(side, list)]
    for candidate in candidates:
        if all(_keyed_by(items, candidate) for items in lists):
            return candidate
    return ""


def _keyed_by(items: list[Any], name: str) -> bool:
    keys = [item.get(name) for item in items if isinstance(item, dict)]
    return len(keys) == len(items) and all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys)


def _leaf(walk: _Walk, path: Path, base: Any, desired: Any, live: Any, whole: bool, had: bool) -> Any:
    if isinstance(desired, Secret):
        return _secret(walk, path, base, desired, live)
    if desired is ABSENT:
        return _undeclared(walk, path, base, live, whole=whole, had=had)
    if _same(walk.kind, path, desired, live):
        walk.stale_base = walk.stale_base or not _same(walk.kind, path, base, desired)
        return ABSENT
    status: Status
    if base is ABSENT or isinstance(base, Secret):
        status = "ours"
    elif _same(walk.kind, path, base, desired):
        status = "theirs"
    else:
        status = "ours" if _same(walk.kind, path, live, base) else "both"
    walk.changes.append(FieldChange(path, status, base, desired, live))
    return desired


def _undeclared(walk: _Walk, path: Path, base: Any, live: Any, *, whole: bool, had: bool) -> Any:
    """What is not declared: nothing of ours, an item of a collection owned whole, or a field that we set and give up."""
    if live is ABSENT:
        walk.stale_base = walk.stale_base or base is not ABSENT
        return ABSENT
    status: Status
    if whole:
        if base is ABSENT:
            status = "theirs" if had else "ours"
        else:
            status = "ours" if _same(walk.kind, path, base, live) else "both"
        walk.changes.append(FieldChange(path, status, base, ABSENT, live))
        return None
    if base is ABSENT:
        return ABSENT
    unchanged = live is MASKED if isinstance(base, Secret) else _same(walk.kind, path, base, live)
    clearable = path[0] not in walk.kind.required and path[0] not in walk.kind.immutable
    at_default = _same(walk.kind, path, live, _default(walk.kind, path))
    if unchanged and at_default:
        walk.stale_base = True
        return ABSENT
    status = "unset" if unchanged and clearable else "released"
    walk.changes.append(FieldChange(path, status, base, ABSENT, live))
    return None if status == "unset" else ABSENT


def _secret(walk: _Walk, path: Path, base: Any, desired: Secret, live: Any) -> Any:
    """A secret is never compared with what is live: its fingerprint is, with the one that was last applied."""
    mark = walk.fingerprint(desired)
    state: SecretState
    status: Status = "ours"
    if walk.force_secrets:
        state = "forced"
    elif not isinstance(base, Secret):
        state = "new"
    elif live is not MASKED:
        state, status = "missing", "theirs"
    elif not mark:
        walk.unchecked.append(path)
        walk.stale_base = walk.stale_base or base.reference != desired.reference
        return ABSENT
    elif mark != base.fingerprint:
        state = "rotated"
    else:
        walk.stale_base = walk.stale_base or base.reference != desired.reference
        return ABSENT
    walk.changes.append(FieldChange(path, status, base, desired, live, state))
    return desired


def _default(kind: Kind, path: Path) -> Any:
    return kind.defaults.get(".".join(path), ABSENT)


def _same(kind: Kind, path: Path, left: Any, right: Any) -> bool:
    """Whether two values at a path mean the same; an explicit null is the same as nothing, or as the server's default."""
    if left is None or right is None:
        other = right if left is None else left
        return other is None or other is ABSENT or same(other, _default(kind, path))
    if ".".join(path) in kind.sets and isinstance(left, list) and isinstance(right, list):
        return _as_set(left) == _as_set(right)
    return same(left, right)


def _as_set(items: list[Any]) -> list[str]:
    return sorted({f"{type(item).__name__}:{item}" for item in items})


def same(left: Any, right: Any) -> bool:
    """Deep equality as JSON means it: true is not 1, and 1.0 is 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, (Unknown, Template, Bundle)) or isinstance(right, (Unknown, Template, Bundle)):
        return type(left) is type(right) and bool(left == right)
    return bool(left == right)
