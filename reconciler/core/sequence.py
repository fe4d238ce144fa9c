"""The order of a plan's changes: dependencies first, deletes in reverse, and a name is freed before it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.core.matching import Matches
from reconciler.core.order import CycleError, topological
from reconciler.core.plan import Change, Problem
from reconciler.core.resource import Key, Ledger, Observed


def in_order(
    changes: Sequence[Change], matches: Matches, ledger: Ledger
) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """Put changes in apply order, each with the keys that it comes after; and what keeps them from any order."""
    by_key = {change.key: change for change in changes}
    problems = list(_name_problems(by_key, matches))
    edges = _edges(by_key, matches, ledger)
    rank = {key: 1 if change.action in ("delete", "forget") else 0 for key, change in by_key.items()}
    try:
        line = topological(edges, rank)
    except CycleError as error:
        problems.append(
            Problem(
                "G012",
                f"no order of changes works: {error}",
                "break the circle by renaming one of them to a third name first, and apply twice",
            )
        )
        return tuple(by_key[key] for key in sorted(by_key)), tuple(problems)
    return tuple(replace(by_key[key], after=tuple(sorted(edges[key]))) for key in line), tuple(problems)


def _edges(by_key: Mapping[Key, Change], matches: Matches, ledger: Ledger) -> dict[Key, set[Key]]:
    """Who comes after whom."""
    edges: dict[Key, set[Key]] = {key: set() for key in by_key}
    for item in matches.items:
        if item.desired.key in edges:
            edges[item.desired.key] |= {key for key in item.desired.dependencies if key in by_key}
    for key, change in by_key.items():
        # What used to refer to something lets go of it before that is deleted.
        entry = ledger.entries.get(change.moved_from or key)
        for other in entry.dependencies if entry else ():
            if other in by_key and by_key[other].action == "delete":
                edges[other].add(key)
                edges[key].discard(other)
        for _, owner in _holders(change, matches):
            if owner is not None and owner in by_key and _leaves(by_key[owner], change.live_name):
                edges[key].add(owner)
    return edges


def _holders(change: Change, matches: Matches) -> Iterator[tuple[Observed, Key | None]]:
    """The live resources that hold the name which a change takes, with the keys that own them."""
    takes = change.action == "create" or any(item.path == ("name",) and item.sends for item in change.fields)
    if not takes or change.action == "delete":
        return
    for live in matches.bearing(change.key.kind, change.live_name):
        if live.id != change.resource_id:
            yield live, matches.owners.get((change.key.kind, live.id))


def _leaves(change: Change, name: str) -> bool:
    """Whether a change frees the name that its resource holds."""
    return change.action == "delete" or (bool(change.steps) and change.live_name != name)


def _name_problems(by_key: Mapping[Key, Change], matches: Matches) -> Iterable[Problem]:
    """Names that are taken and stay so: the API would refuse the write half-way through an apply."""
    for key, change in by_key.items():
        for live, owner in _holders(change, matches):
            if owner is None:
                yield Problem(
                    "G011",
                    f"{key}: a {key.kind} named {change.live_name!r} exists (id {live.id}) and is not ours",
                    "declare another name",
                    key,
                )
            elif owner not in by_key or not _leaves(by_key[owner], change.live_name):
                yield Problem(
                    "G016",
                    f"{key}: the name {change.live_name!r} is held by {owner} (id {live.id}), and stays so",
                    f"say `movedFrom: {owner}` where it is the same resource, or rename or delete that one first",
                    key,
                )
