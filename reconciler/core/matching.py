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
    """All matches of one plan, what the ledger has beyond them, and the problems met."""

    items: list[Match] = field(default_factory=list)
    unclaimed: list[Entry] = field(default_factory=list)
    live_by_id: dict[tuple[str, str], Observed] = field(default_factory=dict)
    live_by_key: dict[Key, Observed] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def identify(self, reference: Unknown) -> str | None:
        """The live value that a reference names; None while its resource does not exist."""
        live = self.live_by_key.get(Key(reference.kind, reference.name))
        if live is None:
            return None
        value = live.id if reference.field == "id" else live.body.get(reference.field)
        return None if value is None else str(value)


def match(
    desired: Sequence[Desired],
    observed: Mapping[str, Iterable[Observed]],
    ledger: Ledger,
    adopt: Mapping[Key, str],
) -> Matches:
    """Match manifests with what is live. Nothing is adopted by name unless the ledger is lost or the user said so."""
    found = Matches()
    by_name: dict[tuple[str, str], Observed] = {}
    for kind, resources in observed.items():
        for live in resources:
            found.live_by_id[kind, live.id] = live
            by_name[kind, live.name] = live
    owners = {(key.kind, entry.id): key for key, entry in ledger.entries.items()}
    claimed: set[Key] = set()
    wanted = {item.key for item in desired}
    for item in desired:
        matched = _match_one(item, found, by_name, ledger, adopt, owners, wanted)
        found.items.append(matched)
        if matched.entry is not None:
            claimed.add(matched.entry.key)
        if matched.live is not None:
            found.live_by_key[item.key] = matched.live
    found.unclaimed = [ledger.entries[key] for key in sorted(ledger.entries) if key not in claimed]
    return found


def _match_one(
    item: Desired,
    found: Matches,
    by_name: Mapping[tuple[str, str], Observed],
    ledger: Ledger,
    adopt: Mapping[Key, str],
    owners: Mapping[tuple[str, str], Key],
    wanted: set[Key],
) -> Match:
    entry, moved_from = _entry_of(item, ledger, wanted, found)
    kind = item.key.kind
    if entry is not None and (live := found.live_by_id.get((kind, entry.id))) is not None:
        return Match(item, entry, live, moved_from)
    if chosen := adopt.get(item.key):
        return _adopt_by_id(item, found, chosen, owners)
    taken = by_name.get((kind, item.live_name))
    if taken is None:
        return Match(item, entry, None, moved_from)
    owner = owners.get((kind, taken.id))
    if owner is not None and owner != item.key:
        # Another resource of ours holds the name: free to take once that one is deleted or renamed.
        return Match(item, entry, None, moved_from)
    if ledger.lost or not ledger.entries or item.key in adopt:
        return Match(item, None, taken, moved_from)
    who = f", last changed by {taken.modified_by} at {taken.modified_time}" if taken.modified_by else ""
    found.problems.append(
        Problem(
            "G011",
            f"{item.key}: a {kind} named {item.live_name!r} exists (id {taken.id}{who}) and is not ours",
            f"take it over with --adopt {item.key}, or declare another name",
            item.key,
        )
    )
    return Match(item, entry, None, moved_from, refused=True)


def _entry_of(item: Desired, ledger: Ledger, wanted: set[Key], found: Matches) -> tuple[Entry | None, Key | None]:
    entry = ledger.entries.get(item.key)
    old = item.moved_from
    if old is None or old not in ledger.entries or old in wanted:
        return entry, None
    if entry is not None:
        found.problems.append(
            Problem(
                "G013",
                f"{item.key} says it moved from {old}, but the ledger holds both",
                f"drop movedFrom, or run `reconciler forget {old}`",
                item.key,
            )
        )
        return entry, None
    return ledger.entries[old], old


def _adopt_by_id(item: Desired, found: Matches, resource_id: str, owners: Mapping[tuple[str, str], Key]) -> Match:
    live = found.live_by_id.get((item.key.kind, resource_id))
    owner = owners.get((item.key.kind, resource_id))
    if live is not None and owner in (None, item.key):
        return Match(item, None, live)
    why = f"it already belongs to {owner}" if live is not None else "there is no such resource"
    found.problems.append(
        Problem(
            "G011",
            f"{item.key}: cannot adopt id {resource_id}: {why}",
            "look the id up in the tenant and adopt that one",
            item.key,
        )
    )
    return Match(item, refused=True)
