"""References to live fields, resolved as far as they are known."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any

from reconciler.core.values import Template, Tree, Unknown

Identify = Callable[[Unknown], str | None]
"""Gives the live value of a reference, or None while its source does not exist."""


def resolve_tree(tree: Tree, identify: Identify) -> Tree:
    """Replace every reference that is known by its value; the tree itself is returned where there is nothing to replace."""
    resolved: Tree = resolve_value(tree, identify)
    return resolved


_PLAIN = frozenset({str, int, float, bool, type(None)})


def resolve_value(value: Any, identify: Identify) -> Any:
    """The same for any value of a tree."""
    if isinstance(value, dict):
        # Most trees hold no reference: nothing is copied before one is found.
        changed = {
            key: new
            for key, item in value.items()
            if type(item) not in _PLAIN and (new := resolve_value(item, identify)) is not item
        }
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        items = [item if type(item) in _PLAIN else resolve_value(item, identify) for item in value]
        return value if all(map(is_, items, value)) else items
    if isinstance(value, Unknown):
        found = identify(value)
        return value if found is None else found
    if isinstance(value, Template):
        return _template(value, identify)
    return value


def _template(template: Template, identify: Identify) -> Any:
    parts: list[str | Unknown] = []
    for part in template.parts:
        found = part if isinstance(part, str) else identify(part)
        parts.append(part if found is None else found)
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return Template(tuple(parts))
