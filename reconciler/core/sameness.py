"""When two values mean the same: as JSON, and as a kind's rules read them."""

from __future__ import annotations

from typing import Any

import orjson

from reconciler.core.rules import NO_RULE, Rule
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Tree, Unknown

_SPELLING = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


def spelling(value: Any) -> bytes | None:
    """The text of a tree of plain JSON, the same for what is equal beyond doubt; None for one that cannot be written.

    Python takes true for 1 also deep inside; a text tells them apart. It does not tell `MASKED` and `ABSENT` from their names.
    """
    try:
        return orjson.dumps(value, option=_SPELLING)
    except TypeError:
        return None


def identical(first: Any, *others: Any) -> bool:
    """Whether values are equal beyond doubt, found out quickly; false may also mean that a closer look is needed."""
    for other in others:
        if first != other:
            return False
    kind = type(first)
    if kind is str:
        return True
    if kind is not dict and kind is not list:
        return all(kind is type(other) for other in others)
    text = spelling(first)
    return text is not None and all(text == spelling(other) for other in others)


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


def alike(rule: Rule, left: Any, right: Any) -> bool:
    """Whether two values at a place mean the same.

    A null is the same as nothing (a merge patch cannot tell them apart, RFC 7396) and as the server's default; sets and keyed
    lists have no order; a secret that was applied and a masked one are both just there.
    """
    if left is None or right is None:
        other = right if left is None else left
        return other is None or other is ABSENT or (rule.default is not ABSENT and alike(NO_RULE, other, rule.default))
    if isinstance(left, dict) and isinstance(right, dict):
        return all(
            alike(rule.child(name), left.get(name, ABSENT), right.get(name, ABSENT)) for name in {**left, **right}
        )
    if isinstance(left, list) and isinstance(right, list):
        return _lists_alike(rule, left, right)
    if isinstance(left, Secret) or isinstance(right, Secret):
        return _secrets_alike(left, right)
    return same(left, right)


def _lists_alike(rule: Rule, left: list[Any], right: list[Any]) -> bool:
    if rule.unordered:
        return {frozen(item) for item in left} == {frozen(item) for item in right}
    if rule.keyed and (key := common_key(rule.keyed, left, right)):
        return alike(Rule(children=rule.children), items_by(key, left), items_by(key, right))
    items = rule.child("*")
    return len(left) == len(right) and all(alike(items, one, other) for one, other in zip(left, right, strict=True))


def _secrets_alike(left: Any, right: Any) -> bool:
    if isinstance(left, Secret) and isinstance(right, Secret):
        return (left.reference, left.fingerprint) == (right.reference, right.fingerprint)
    return left is MASKED or right is MASKED


def frozen(value: Any) -> Any:
    """A hashable stand-in for a value: equal exactly where the values are the `same`."""
    if isinstance(value, dict):
        return ("object", frozenset((name, frozen(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(frozen(item) for item in value))
    return (isinstance(value, bool), value)


def common_key(candidates: tuple[str, ...], *lists: list[Any]) -> str:
    """The first candidate that every item of every list has, without duplicates; empty where there is none."""
    return next((name for name in candidates if all(keyed_by(items, name) for items in lists)), "")


def keyed_by(items: list[Any], name: str) -> bool:
    """Whether all items of a list are objects with a text of their own in one field."""
    keys = [item.get(name) for item in items if isinstance(item, dict)]
    return len(keys) == len(items) and all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys)


def items_by(name: str, items: list[Any]) -> Tree:
    """A keyed list as a map."""
    return {item[name]: item for item in items}
