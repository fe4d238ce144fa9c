"""What is live as a statement that can be compared with another tenant's: names in place of ids, nothing that the server owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.declare import Directory, mentions_named
from reconciler.core.differing import Stated
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Key, Observed
from reconciler.core.values import MASKED, Tree
from reconciler.core.wire import live_tree


@dataclass(slots=True)
class LiveSide:
    """One tenant, by kind and live name.

    ``edges`` are what resources refer to, ``twice`` the names that several resources of a kind bear, so that nobody can say
    which is which, and ``secrets`` the secrets that are set, by resource and path.
    """

    stated: dict[Key, Stated] = field(default_factory=dict)
    edges: dict[Key, tuple[Key, ...]] = field(default_factory=dict)
    twice: set[Key] = field(default_factory=set)
    secrets: set[tuple[Key, str]] = field(default_factory=set)


def live_side(kinds: Kinds, observed: Mapping[str, Iterable[Observed]]) -> LiveSide:
    """State everything that is live. A key's name is the live name here, whatever characters it holds."""
    out = LiveSide()
    everything = [item for items in observed.values() for item in items]
    directory = Directory.of({(item.kind, item.id): Key(item.kind, item.name) for item in everything}, {})
    for item in everything:
        key = Key(item.kind, item.name)
        if key in out.stated:
            out.twice.add(key)
        kind = kinds[item.kind]
        tree = live_tree(kind, item.body)
        out.edges[key] = tuple(_name_references(kind, tree, directory))
        _name_mentions(kind, tree, directory)
        out.secrets |= {(key, path) for path in _secret_paths(kind, tree)}
        out.stated[key] = Stated(key, tree)
    return out


def _name_references(kind: Kind, tree: Tree, directory: Directory) -> Iterable[Key]:
    """Put names where ids were; an id that leads nowhere says so, and is the same in no other tenant."""
    found = []
    for rule in kind.references:
        if not rule.wire_field or (value := tree.pop(rule.wire_field, None)) is None:
            continue
        target = next((key for name in rule.kinds if (key := directory.keys.get((name, str(value))))), None)
        tree[rule.spec_field] = target.name if target is not None else f"(nothing with the id {value})"
        found += [target] if target is not None else []
    return found


def _name_mentions(kind: Kind, tree: Tree, directory: Directory) -> None:
    """The same for ids inside values that may hold references."""
    for rule in kind.secret_maps:
        *parents, last = rule.path.split(".")
        if rule.plain is not None or parents or not isinstance(tree.get(last), dict):
            continue
        tree[last] = {
            name: mentions_named(value, directory) if isinstance(value, str) else value
            for name, value in tree[last].items()
        }


def _secret_paths(kind: Kind, tree: Tree) -> Iterable[str]:
    for rule in kind.secret_maps:
        node: Any = tree
        for part in rule.path.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict):
            yield from (f"{rule.path}.{name}" for name, value in node.items() if value is MASKED)
