"""Matching: which live resource each manifest means, by the ledger's id first and by name where there is no ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.plan import Problem
from reconciler.core.resource import Desired, Entry, Key, Ledger, Observed
from reconciler.core.values import Unknown


@dataclass(frozen=True, slots=True)
class Match:
    """One manifest with its ledger entry and its live resource, where there are any.

    ``entry`` without ``live`` means that the resource is missing; ``live`` without ``entry`` that it is to be adopted.
    ``refused`` says that a problem keeps this resource out of the plan.
    """

    desired: Desired
    entry: Entry | None = None
    live: Observed | None = None
    moved_from: Key | None = None
    refused: bool = False


@dataclass(slots=True)
class Matches:
    """All matches of one plan, what the ledger has beyond them, and the problems met.

    ``owners`` are the keys that ids belong to once this plan is applied.
    """

    items: list[Match] = field(default_factory=list)
    unclaimed: list[Entry] = field(default_factory=list)
    live_by_id: dict[tuple[str, str], Observed] = field(default_factory=dict)
    live_by_key: dict[Key, Observed] = field(default_factory=dict)
    owners: dict[tuple[str, str], Key] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _by_name: dict[tuple[str, str], list[Observed]] = field(default_factory=dict)

    def bearing(self, kind: str, name: str) -> Sequence[Observed]:
        """All live resources of a kind that bear a name, by id. Most plans need no name: they are sorted when one does."""
        if not self._by_name:
            for place in sorted(self.live_by_id):
                live = self.live_by_id[place]
                self._by_name.setdefault((place[0], live.name), []).append(live)
        return self._by_name.get((kind, name), ())

    def identify(self, reference: Unknown) -> str | None:
        """The live value that a reference names; None while its resource does not exist."""
        live = self.live_by_key.get(Key(reference.kind, reference.name))
        if live is None:
            return None
        value = live.id if reference.field == "id" else live.body.get(reference.field)
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Search:
    """What matching one manifest looks things up in; ``owners`` are the ledger's keys by live id."""

    found: Matches
    ledger: Ledger
    adopt: Mapping[Key, str]
    owners: Mapping[tuple[str, str], Key]
    wanted: frozenset[Key]


def match(
    desired: Sequence[Desired],
    observed: Mapping[str, Iterable[Observed]],
    ledger: Ledger,
    adopt: Mapping[Key, str],
) -> Matches:
    """Match manifests with what is live. Nothing is adopted by name unless the ledger is lost or the user said so."""
    found = Matches()
    for kind, resources in observed.items():
        for live in resources:
            found.live_by_id[kind, live.id] = live
    owners: dict[tuple[str, str], Key] = {}
    for key, entry in ledger.entries.items():
        place = (key.kind, entry.id)
        owners[place] = min(key, owners.get(place, key))
    search = _Search(found, ledger, adopt, owners, frozenset(item.key for item in desired))
    claimed: set[Key] = set(search.wanted)
    for item in desired:
        matched = _claimed_once(search, _match_one(search, item, claimed))
        found.items.append(matched)
        if matched.live is not None:
            found.live_by_key[item.key] = matched.live
            found.owners[item.key.kind, matched.live.id] = item.key
    found.unclaimed = [ledger.entries[key] for key in sorted(ledger.entries.keys() - claimed)]
    for entry in found.unclaimed:
        found.owners.setdefault((entry.key.kind, entry.id), entry.key)
    return found


def _claimed_once(search: _Search, matched: Match) -> Match:
    """Refuse a second manifest that means the same live resource: the two would undo each other for ever."""
    if matched.live is None:
        return matched
    key = matched.desired.key
    other = search.found.owners.get((key.kind, matched.live.id))
    if other is None:
        return matched
    search.found.problems.append(
        Problem(
            "G011",
            f"{key}: the {key.kind} with id {matched.live.id} is already what {other} means",
            "declare another name, or adopt another id",
            key,
        )
    )
    return Match(matched.desired, matched.entry, refused=True)


def _match_one(search: _Search, item: Desired, claimed: set[Key]) -> Match:
    entry, moved_from = _entry_of(search, item, claimed)
    found, kind = search.found, item.key.kind
    if entry is not None and (live := found.live_by_id.get((kind, entry.id))) is not None:
        return Match(item, entry, live, moved_from)
    if chosen := search.adopt.get(item.key):
        return _adopt_by_id(search, item, chosen)
    # A name that another resource of ours holds is free to take once that one is deleted or renamed.
    taken = [
        live for live in found.bearing(kind, item.live_name) if search.owners.get((kind, live.id)) in (None, item.key)
    ]
    if not taken:
        return Match(item, entry, None, moved_from)
    if len(taken) == 1 and (search.ledger.lost or not search.ledger.entries or item.key in search.adopt):
        return Match(item, None, taken[0], moved_from)
    found.problems.append(_not_ours(item, taken))
    return Match(item, entry, None, moved_from, refused=True)


def _not_ours(item: Desired, taken: Sequence[Observed]) -> Problem:
    live, kind = taken[0], item.key.kind
    if len(taken) > 1:
        return Problem(
            "G011",
            f"{item.key}: {len(taken)} {kind}s are named {item.live_name!r} (ids {', '.join(one.id for one in taken)})",
            f"say which one with `reconciler adopt {item.key} --id ID`",
            item.key,
        )
    who = f", last changed by {live.modified_by} at {live.modified_time}" if live.modified_by else ""
    return Problem(
        "G011",
        f"{item.key}: a {kind} named {item.live_name!r} exists (id {live.id}{who}) and is not ours",
        f"take it over with --adopt {item.key}, or declare another name",
        item.key,
    )


def _entry_of(search: _Search, item: Desired, claimed: set[Key]) -> tuple[Entry | None, Key | None]:
    """The ledger's entry of a manifest, under its own key or under the one that it moved from."""
    entries = search.ledger.entries
    entry, old = entries.get(item.key), item.moved_from
    if old is None or old not in entries or old.kind != item.key.kind or old in search.wanted:
        return entry, None
    if entry is not None:
        problem = f"{item.key} says it moved from {old}, but the ledger holds both"
    elif old in claimed:
        problem = f"{item.key} says it moved from {old}, and so does another manifest"
    else:
        claimed.add(old)
        return entries[old], old
    search.found.problems.append(
        Problem("G013", problem, f"drop movedFrom, or run `reconciler forget {old}`", item.key)
    )
    return entry, None


def _adopt_by_id(search: _Search, item: Desired, resource_id: str) -> Match:
    live = search.found.live_by_id.get((item.key.kind, resource_id))
    owner = search.owners.get((item.key.kind, resource_id))
    if live is not None and owner in (None, item.key):
        return Match(item, None, live)
    why = f"it already belongs to {owner}" if live is not None else "there is no such resource"
    search.found.problems.append(
        Problem(
            "G011",
            f"{item.key}: cannot adopt id {resource_id}: {why}",
            "look the id up in the tenant and adopt that one",
            item.key,
        )
    )
    return Match(item, refused=True)
