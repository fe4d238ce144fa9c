"""Compares two statements, manifest by manifest and field by field. Pure, and the same whatever order things come in.

Unlike `reconciler.core.compare` there are two sides here and no ledger between them: nothing is ours or theirs, it is there,
gone, or other than it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.compare import FieldChange, Path
from reconciler.core.details import bundle_files
from reconciler.core.difference import Item, Status
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Key, Locate, nowhere
from reconciler.core.rules import NO_RULE, Rule, rules_of
from reconciler.core.sameness import alike, common_key, identical, items_by
from reconciler.core.schema_change import SchemaEffect, classify
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Tree

TOUCHED_MOST = 1_000
"""How many dependents of one change are listed; a long chain of manifests would otherwise be listed anew for each link."""

Edges = Mapping[Key, Iterable[Key]]
"""What each manifest refers to directly."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One manifest, or one live resource, as one side states it.

    ``fields`` is its content (a resource's wire form, a fragment's or job's spec), ``settings`` what else is said of it and
    never reaches the tenant. A ``moved_from`` names the key that it had before.
    """

    key: Key
    fields: Tree
    settings: Tree = field(default_factory=dict)
    moved_from: Key | None = None
    locate: Locate = field(default=nowhere, compare=False)

    @property
    def live_name(self) -> str:
        """The name in the tenant; empty for what does not live there."""
        return str(self.fields.get("name", ""))


def compare_sides(
    kinds: Kinds,
    before: Mapping[Key, Stated],
    after: Mapping[Key, Stated],
    *,
    edges: Iterable[Edges] = (),
    exact: bool = True,
) -> tuple[tuple[Item, ...], int]:
    """All items that the sides state otherwise, sorted by key, and how many they state alike.

    ``edges`` are the references of either side, from which follows what a change touches. Not ``exact``, a null, an absent
    value and the server's default mean the same, as in a tenant; else they differ, as declarations do.
    """
    users = users_of(edges)
    items: list[Item] = []
    unchanged = 0
    moved: set[Key] = set()
    for key in sorted(after):
        new = after[key]
        old, source = _earlier(new, before, after)
        if source is not None:
            moved.add(source)
        found = _item(kinds[key.kind], old, new, source, users, exact=exact)
        if found is None:
            unchanged += 1
        else:
            items.append(found)
    gone = (before[key] for key in before.keys() - after.keys() - moved)
    items += [_removed(kinds[old.key.kind], old, users) for old in gone]
    return tuple(sorted(items, key=lambda item: item.key)), unchanged


def _earlier(
    new: Stated, before: Mapping[Key, Stated], after: Mapping[Key, Stated]
) -> tuple[Stated | None, Key | None]:
    """What a statement was before, and the key that it had then where that is another."""
    if new.key in before:
        return before[new.key], None
    source = new.moved_from
    if source is None or source not in before or source in after:
        return None, None
    return before[source], source


def _item(
    kind: Kind, old: Stated | None, new: Stated, source: Key | None, users: Mapping[Key, set[Key]], *, exact: bool
) -> Item | None:
    fields = compare_trees(kind, old.fields if old else {}, new.fields, exact=exact)
    settings = compare_plain(old.settings if old else {}, new.settings)
    if old is not None and source is None and not fields and not settings:
        return None
    touches, more = _touched(source or new.key, users) if old is not None else ((), False)
    status: Status = "added" if old is None else "moved" if source is not None else "changed"
    return Item(
        new.key,
        kind.kind_class,
        status,
        fields,
        settings,
        new.live_name,
        source,
        new.locate(()),
        _effects(kind, old, new, fields),
        _files(kind, old, new),
        touches,
        more,
    )


def _removed(kind: Kind, old: Stated, users: Mapping[Key, set[Key]]) -> Item:
    fields = compare_trees(kind, old.fields, {})
    touches, more = _touched(old.key, users)
    return Item(
        old.key,
        kind.kind_class,
        "removed",
        fields,
        compare_plain(old.settings, {}),
        old.live_name,
        mark=old.locate(()),
        bundle_files=_files(kind, old, None),
        touches=touches,
        touches_more=more,
    )


def _effects(kind: Kind, old: Stated | None, new: Stated, fields: Iterable[FieldChange]) -> tuple[SchemaEffect, ...]:
    if kind.table is None or old is None:
        return ()
    moved = {item.path[0] for item in fields}
    return classify(kind.table, old.fields, {name: value for name, value in new.fields.items() if name in moved})


def _files(kind: Kind, old: Stated | None, new: Stated | None) -> tuple[tuple[str, str], ...]:
    if kind.bundle is None:
        return ()
    sides = [side.fields.get(kind.bundle.field, ABSENT) if side is not None else ABSENT for side in (old, new)]
    return bundle_files(*sides)


def compare_trees(kind: Kind, before: Tree, after: Tree, *, exact: bool = True) -> tuple[FieldChange, ...]:
    """The fields in which two contents of one kind differ, by path; lists with keys are compared item by item."""
    return tuple(_walk(rules_of(kind), (), before, after, -1, exact=exact))


def compare_plain(before: Any, after: Any) -> tuple[FieldChange, ...]:
    """The places in which two maps differ of which no kind says anything."""
    return tuple(_walk(NO_RULE, (), before, after, -1, exact=True))


def _walk(rule: Rule, path: Path, before: Any, after: Any, keyed: int, *, exact: bool) -> Iterator[FieldChange]:
    if identical(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({**before, **after}, key=str):
            sides = before.get(name, ABSENT), after.get(name, ABSENT)
            yield from _walk(rule.child(name), (*path, str(name)), *sides, keyed, exact=exact)
    elif isinstance(before, list) and isinstance(after, list) and (key := common_key(rule.keyed, before, after)):
        old, new = items_by(key, before), items_by(key, after)
        yield from _walk(Rule(children=rule.children), path, old, new, len(path), exact=exact)
    elif not _equal(rule, before, after, exact=exact):
        before, after = _hidden(before, after), _hidden(after, before)
        yield FieldChange(path, "ours", before, after, before, keyed=keyed)


def _hidden(value: Any, other: Any) -> Any:
    """A value that stands in the clear where the other side has a secret may well be that secret."""
    plain = value is not None and value is not ABSENT and not isinstance(value, Secret)
    return MASKED if plain and (isinstance(other, Secret) or other is MASKED) else value


def _equal(rule: Rule, before: Any, after: Any, *, exact: bool) -> bool:
    if exact and (before is None or after is None or before is ABSENT or after is ABSENT):
        return before is after
    if isinstance(before, Bundle) and isinstance(after, Bundle) and before.files and after.files:
        # The files say it: a file that the one side knows by its digest alone makes another zip of the same files.
        return before.files == after.files
    return alike(rule, before, after)


def users_of(edges: Iterable[Edges]) -> dict[Key, set[Key]]:
    """By manifest: which others refer to it directly, on any of the sides."""
    users: dict[Key, set[Key]] = {}
    for side in edges:
        for key, others in side.items():
            for other in others:
                users.setdefault(other, set()).add(key)
    return users


def _touched(key: Key, users: Mapping[Key, set[Key]]) -> tuple[tuple[Key, ...], bool]:
    """What refers to a key, directly or through others, at most `TOUCHED_MOST`, and whether that was not all."""
    found, more = dependents((key,), users, most=TOUCHED_MOST)
    return tuple(sorted(found - {key})), more


def dependents(keys: Iterable[Key], users: Mapping[Key, set[Key]], *, most: int = 0) -> tuple[set[Key], bool]:
    """Keys, and all that refers to them through any number of others; ``most`` above 0 stops there and says so."""
    found = set(keys)
    waiting = sorted(found)
    for key in waiting:
        for user in sorted(users.get(key, ())):
            if user in found:
                continue
            if most and len(found) > most:
                return found, True
            found.add(user)
            waiting.append(user)
    return found, False
