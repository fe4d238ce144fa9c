"""Which parts of a nested value are read: a tree of names, in which one without names below it means all that is there.

Making a whole resource ready for an expression takes longer than evaluating it, so that only what is read is made ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Paths = Mapping[str, "Paths"]
"""Names with what is read below each; an empty one is read whole."""

WHOLE: Paths = {}


def reading(paths: Iterable[Sequence[str]]) -> Paths:
    """The tree of several paths. A path that ends where another goes on reads it whole."""
    tree: dict[str, Any] = {}
    rest: dict[str, list[Sequence[str]]] = {}
    for path in paths:
        if not path:
            return WHOLE
        rest.setdefault(path[0], []).append(path[1:])
    for name, below in rest.items():
        tree[name] = reading(below)
    return tree


def both(left: Paths, right: Paths) -> Paths:
    """What is read by either of two readers."""
    if not left or not right:
        return WHOLE
    return {
        name: both(left[name], right[name])
        if name in left and name in right
        else left.get(name, right.get(name, WHOLE))
        for name in {**left, **right}
    }


def pruned(value: Any, paths: Paths) -> Any:
    """A value without what is not read. What is not there stays away, what is no map stays whole."""
    if not paths or not isinstance(value, dict):
        return value
    return {name: pruned(value[name], below) for name, below in paths.items() if name in value}
