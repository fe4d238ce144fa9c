"""References to live fields, resolved as far as they are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.core.values import Template, Tree, Unknown, with_leaves

Identify = Callable[[Unknown], str | None]
"""Gives the live value of a reference, or None while its source does not exist."""


def resolve_tree(tree: Tree, identify: Identify) -> Tree:
    """Replace every reference that is known by its value; the tree itself is returned where there is nothing to replace."""
    resolved: Tree = resolve_value(tree, identify)
    return resolved


def resolve_value(value: Any, identify: Identify) -> Any:
    """The same for any value of a tree."""

    def known(leaf: Any) -> Any:
        if isinstance(leaf, Unknown):
            found = identify(leaf)
            return leaf if found is None else found
        return _template(leaf, identify) if isinstance(leaf, Template) else leaf

    return with_leaves(value, known)


def _template(template: Template, identify: Identify) -> Any:
    parts: list[str | Unknown] = []
    for part in template.parts:
        found = part if isinstance(part, str) else identify(part)
        parts.append(part if found is None else found)
    if all(isinstance(part, str) for part in parts):
        return "".join(str(part) for part in parts)
    return Template(tuple(parts))
