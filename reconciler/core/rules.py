"""A kind's paths as a tree of rules, so that a walk over a resource looks nothing up by joined strings.

`Kind` says what it knows of a field by dotted path, with ``*`` for any key of a map or any item of a list. Here each place
of a resource has a `Rule`, and a walk goes down both trees at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.values import ABSENT


@dataclass(slots=True)
class Rule:
    """What a kind says of one place.

    ``keyed`` are the candidates for the key of a list's items, ``unordered`` marks a set, ``whole`` a map that is owned whole,
    ``required`` a field that cannot be unset. ``default`` is what the server fills in, `ABSENT` where nothing.
    """

    keyed: tuple[str, ...] = ()
    unordered: bool = False
    whole: bool = False
    required: bool = False
    default: Any = ABSENT
    children: dict[str, Rule] = field(default_factory=dict)

    def child(self, name: str) -> Rule:
        """The rule of a field or an item; a name that the kind spells out goes before ``*``."""
        if not self.children:
            return NO_RULE
        return self.children.get(name) or self.children.get("*") or NO_RULE

    def at(self, path: str) -> Rule:
        """The rule at a dotted path below this one, made where there is none yet."""
        node = self
        for part in path.split("."):
            node = node.children.setdefault(part, Rule())
        return node


NO_RULE = Rule()
"""The rule of a place that a kind says nothing about; it is never changed."""

_KNOWN: dict[int, tuple[Kind, Rule]] = {}
_MOST = 256


def rules_of(kind: Kind) -> Rule:
    """The rules of a kind, at the root of its resources. They are built once for each kind."""
    known = _KNOWN.get(id(kind))
    # The kind is kept with its rules, so that its id cannot pass to another one.
    if known is None or known[0] is not kind:
        if len(_KNOWN) >= _MOST:
            _KNOWN.clear()
        known = _KNOWN[id(kind)] = (kind, _build(kind))
    return known[1]


def _build(kind: Kind) -> Rule:
    root = Rule()
    for path, keys in kind.keyed_lists.items():
        root.at(path).keyed = keys
    for path in kind.sets:
        root.at(path).unordered = True
    for path in kind.whole:
        root.at(path).whole = True
    for path in kind.required:
        root.at(path).required = True
    for path, value in kind.defaults.items():
        root.at(path).default = value
    _gather_defaults(root)
    return root


def _gather_defaults(rule: Rule) -> None:
    """An object whose fields have defaults has them together as its own, so that an explicit null of it means them."""
    for child in rule.children.values():
        _gather_defaults(child)
    parts: Mapping[str, Any] = {
        name: child.default for name, child in rule.children.items() if child.default is not ABSENT
    }
    if rule.default is ABSENT and parts:
        rule.default = dict(parts)
