"""Planning: from desired, observed and ledger to the changes. Pure, deterministic, whatever order things come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.core.changes import Sides, create_change, delete_change, existing_change, pin_of
from reconciler.core.compare import Comparison, Fingerprint, compare
from reconciler.core.cost import cost_of
from reconciler.core.details import records_lost, with_details, without_content
from reconciler.core.kind import Kind, Kinds
from reconciler.core.matching import Match, Matches, match
from reconciler.core.plan import Change, Header, Orphan, Plan, Problem
from reconciler.core.refs import resolve_tree
from reconciler.core.resource import Desired, Entry, Key, Ledger, Observed, PinStyle
from reconciler.core.seal import fingerprint_of, has_secret, seal
from reconciler.core.sequence import in_order
from reconciler.core.settled import settled, terms_differ
from reconciler.core.steps import create_steps, update_steps
from reconciler.core.values import Tree, unknowns
from reconciler.core.wire import live_tree


@dataclass(frozen=True, slots=True)
class Options:
    """What a run asks of planning.

    ``adopt`` maps keys to the live id to adopt (empty: by name). ``allowed`` are acknowledged codes (``G004:Dataset/x``).
    ``prune`` turns resources without manifest into deletes; ``partial`` (a narrowed run) allows neither delete nor forget.
    ``style`` is the target's concurrency style, ``rate`` its limit in requests a second (0: none). ``readers`` maps a resource
    to what reads it (mappings, jobs), for the account of a schema change. ``selected`` are the keys of a narrowed run: the others
    are looked at for their ids and left alone.
    """

    prune: bool = False
    partial: bool = False
    selected: frozenset[Key] | None = None
    adopt: Mapping[Key, str] = field(default_factory=dict)
    write_secrets: frozenset[Key] = frozenset()
    allowed: frozenset[str] = frozenset()
    style: PinStyle = "etag"
    rate: float = 0.0
    page_size: int = 500
    readers: Mapping[Key, tuple[Key, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Draft:
    """Everything planning gathers before it is put in order."""

    kinds: Kinds
    options: Options
    fingerprint: Fingerprint
    matches: Matches
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    unchanged: int = 0


def make_plan(
    desired: Iterable[Desired],
    observed: Mapping[str, Iterable[Observed]],
    ledger: Ledger,
    kinds: Kinds,
    *,
    header: Header,
    options: Options,
    fingerprint: Fingerprint = lambda secret: secret.fingerprint,
) -> Plan:
    """Make the plan. ``observed`` holds, by kind, everything that is live there.

    What stands in the way (a name taken, an impossible move, a breaking schema change) becomes a `Problem` of the plan; a plan
    with problems is shown but never applied.
    """
    wanted = sorted(desired, key=lambda item: item.key)
    matches = match(wanted, observed, ledger, options.adopt)
    draft = _Draft(kinds, options, fingerprint, matches)
    _decide(draft)
    live = Counter(kind for kind, _ in matches.live_by_id)
    changes, in_the_way = in_order(draft.changes, matches, ledger)
    draft.problems += in_the_way
    return Plan(
        header=header,
        changes=changes,
        orphans=tuple(sorted(draft.orphans, key=lambda orphan: orphan.key)),
        problems=tuple(sorted(draft.problems, key=lambda item: (item.code, str(item.key or ""), item.message))),
        warnings=tuple(sorted(set(draft.warnings))),
        unchanged=draft.unchanged,
        sizes=_sizes(matches, ledger),
        partial=options.partial,
        manifests=len(wanted),
        cost=cost_of(changes, live, rate=options.rate, page_size=options.page_size),
    )


def _decide(draft: _Draft) -> None:
    """Decide on each resource that is part of the run, and on what is gone where the run is not narrowed."""
    selected = draft.options.selected
    draft.problems += [item for item in draft.matches.problems if selected is None or item.key in selected]
    for item in draft.matches.items:
        if selected is None or item.desired.key in selected:
            _plan_one(draft, item)
    if not draft.options.partial:
        for entry in draft.matches.unclaimed:
            _plan_gone(draft, entry)


def _plan_one(draft: _Draft, item: Match) -> None:
    if item.refused:
        return
    kind = draft.kinds[item.desired.key.kind]
    force = item.desired.key in draft.options.write_secrets
    if settled(kind, item, draft.matches.identify, draft.fingerprint, force_secrets=force):
        draft.unchanged += 1
        return
    fields = resolve_tree(item.desired.fields, draft.matches.identify)
    _needs_unselected(draft, item.desired, fields)
    if item.live is None:
        _plan_create(draft, kind, item, fields)
    else:
        _plan_existing(draft, kind, item, item.live, fields)


def _needs_unselected(draft: _Draft, desired: Desired, fields: Tree) -> None:
    """A narrowed run cannot create what refers to a resource that neither exists nor is part of the run."""
    if draft.options.selected is None:
        return
    for reference in unknowns(fields):
        source = Key(reference.kind, reference.name)
        if source not in draft.options.selected:
            draft.problems.append(
                Problem(
                    "G015",
                    f"{desired.key} refers to {source}, which does not exist yet and is not part of this run",
                    f"select {source} too, or run without selectors",
                    desired.key,
                )
            )


def _plan_create(draft: _Draft, kind: Kind, item: Match, fields: Tree) -> None:
    sealed = seal(fields, draft.fingerprint)
    steps, problem = create_steps(kind, item.desired.key, sealed)
    draft.problems += [found for found in (problem, without_content(kind, item.desired.key, sealed)) if found]
    draft.changes.append(create_change(kind, item, sealed, steps))


def _plan_existing(draft: _Draft, kind: Kind, item: Match, live: Observed, fields: Tree) -> None:
    key = item.desired.key
    base = item.entry.fields if item.entry is not None else {}
    sides = Sides(base, seal(fields, draft.fingerprint), live_tree(kind, live.body))
    found = _compared(draft, kind, item, sides)
    if not (found.patch or found.unchecked or item.moved_from or _outdated(found, item.entry, item.desired)):
        draft.unchanged += 1
        return
    steps, problems = update_steps(kind, key, found, sides.declared, sides.live)
    draft.problems += problems
    if item.entry is None and has_secret(sides.declared) and key not in draft.options.write_secrets:
        draft.warnings.append(f"{key}: adopted without writing its secrets; --write-secret {key} writes them")
    pin = pin_of(kind, live, draft.options.style)
    change = existing_change(kind, item, live, pin, sides, found, steps)
    detailed, problem = with_details(kind, change, base, sides.live, sides.declared, live, draft.options.readers)
    draft.problems += [problem] if problem else []
    draft.unchanged += detailed.action == "none" and not detailed.noted
    draft.changes.append(detailed)


def _compared(draft: _Draft, kind: Kind, item: Match, sides: Sides) -> Comparison:
    """How the three sides differ; the secrets of what is adopted are left alone unless they are asked for."""
    return compare(
        kind,
        sides.base,
        sides.declared,
        sides.live,
        fingerprint=fingerprint_of,
        ignore=item.desired.lifecycle.ignore_changes,
        force_secrets=item.desired.key in draft.options.write_secrets,
        keep_secrets=item.entry is None,
    )


def _outdated(found: Comparison, before: Entry | None, desired: Desired) -> bool:
    """Whether the ledger's entry should be written again although the tenant is as it should be."""
    return bool(found.stale_base or found.changes or before is None or terms_differ(before, desired))


def _plan_gone(draft: _Draft, entry: Entry) -> None:
    """Plan for a resource of the ledger whose manifest is gone."""
    kind = draft.kinds.get(entry.key.kind)
    live = draft.matches.live_by_id.get((entry.key.kind, entry.id))
    acknowledged = f"G004:{entry.key}" in draft.options.allowed
    if kind is None:
        reason = f"this version knows no kind {entry.key.kind}"
    elif live is None:
        draft.changes.append(Change(entry.key, "forget", entry.live_name, entry.id, reason="already gone"))
        return
    elif not draft.options.prune:
        reason = "prune is off"
    elif entry.protect and not acknowledged:
        reason = f"protected; --allow G004:{entry.key} deletes it all the same"
    elif entry.retain:
        draft.changes.append(Change(entry.key, "forget", entry.live_name, entry.id, reason="retained"))
        return
    else:
        _plan_delete(draft, kind, entry, live)
        return
    draft.orphans.append(Orphan(entry.key, entry.live_name, entry.id, reason))


def _plan_delete(draft: _Draft, kind: Kind, entry: Entry, live: Observed) -> None:
    """Plan the delete of a resource that nothing keeps; one that takes records with it has to be named."""
    lost = records_lost(kind, entry.key, live)
    if lost is not None and lost.acknowledge not in draft.options.allowed:
        draft.problems.append(lost)
    pin = pin_of(kind, live, draft.options.style)
    draft.changes.append(delete_change(kind, entry, live, pin, with_records=lost is not None))


def _sizes(matches: Matches, ledger: Ledger) -> dict[str, int]:
    """How many resources of each kind are ours, one that changes its key counted once: the denominators of guards."""
    moved = {item.moved_from for item in matches.items}
    sizes: dict[str, int] = {}
    for key in {*ledger.entries, *(item.desired.key for item in matches.items)} - moved:
        sizes[key.kind] = sizes.get(key.kind, 0) + 1
    return dict(sorted(sizes.items()))
