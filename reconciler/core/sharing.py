"""Fragments out of what several resources have in common: the same mappings in several connectors become one FieldMapping."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.declare import Declared
from reconciler.core.kind import Fragments, Kind, Kinds
from reconciler.core.labels import MAX_LABEL
from reconciler.core.resource import Key
from reconciler.core.values import Tree
from reconciler.core.wire import canonical


@dataclass(frozen=True, slots=True)
class Shared:
    """A fragment that was found: its key and its spec."""

    key: Key
    spec: Tree


def share(
    declared: Iterable[Declared], kinds: Kinds, known: Mapping[Key, Mapping[str, Any]], taken: Collection[Key]
) -> list[Shared]:
    """Take lists that several resources have alike out of their specs, and refer to a fragment instead.

    ``known`` are fragments that there are already, by key: what is like one of them refers to it, however seldom it occurs. The
    specs are changed in place; the order of a list's items is that of the fragment from then on.
    """
    out: list[Shared] = []
    used = set(taken)
    items = sorted(declared, key=lambda item: item.key)
    for kind in sorted({item.key.kind for item in items}):
        for rule in kinds[kind].fragments:
            here = [item for item in items if item.key.kind == kind]
            out += _share_one(kinds[kind], rule, here, known, used)
    return out


def _share_one(
    kind: Kind, rule: Fragments, items: list[Declared], known: Mapping[Key, Mapping[str, Any]], used: set[Key]
) -> list[Shared]:
    alike: dict[bytes, list[Declared]] = {}
    for item in items:
        if found := item.spec.get(rule.wire_field):
            alike.setdefault(_spelled(kind, rule, found), []).append(item)
    there: dict[bytes, Key] = {}
    for key, spec in sorted(known.items()):
        if key.kind == rule.kind and (found := spec.get(rule.source_field)):
            there.setdefault(_spelled(kind, rule, found), key)
    out: list[Shared] = []
    for spelled, users in alike.items():
        fragment = there.get(spelled)
        if fragment is None:
            if len(users) < 2:
                continue
            fragment = _named(rule, users, used)
            used.add(fragment)
            out.append(Shared(fragment, {rule.source_field: users[0].spec[rule.wire_field]}))
        for item in users:
            item.spec = {name: value for name, value in item.spec.items() if name != rule.wire_field}
            item.spec[rule.spec_field] = [fragment.name]
            item.links.append(fragment)
    return out


def _spelled(kind: Kind, rule: Fragments, items: Any) -> bytes:
    """One spelling for lists that mean the same: where items have keys, their order means nothing."""
    spelled = [canonical(item) for item in items]
    return b",".join(sorted(spelled) if rule.wire_field in kind.keyed_lists else spelled)


def _named(rule: Fragments, users: list[Declared], used: set[Key]) -> Key:
    """A name from what the users' names begin with alike: ``salesforce-emea-1``, ``salesforce-emea-2`` → ``salesforce-emea-mappings``."""
    common = [item.key.name.split("-") for item in users]
    words: list[str] = []
    for place in zip(*common, strict=False):
        if len(set(place)) > 1:
            break
        words.append(place[0])
    end = f"-{rule.source_field.lower()}"
    stem = ("-".join(words) or "shared")[: MAX_LABEL - len(end) - 4].strip("-")
    number, name = 1, f"{stem}{end}"
    while Key(rule.kind, name) in used:
        number += 1
        name = f"{stem}{end}-{number}"
    return Key(rule.kind, name)
