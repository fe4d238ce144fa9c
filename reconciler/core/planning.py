"""Planning: from desired, observed and ledger to the changes. Pure, deterministic, whatever order things come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.core.compare import Comparison, FieldChange, Fingerprint, compare
from reconciler.core.details import bundle_files, records_lost, with_details
from reconciler.core.kind import Kind, Kinds
from reconciler.core.matching import Match, Matches, match
from reconciler.core.plan import Change, Cost, Header, Orphan, Plan, Problem, Step
from reconciler.core.refs import resolve_tree
from reconciler.core.resource import Desired, Entry, Key, Ledger, Observed, Pin, PinStyle
from reconciler.core.seal import fingerprint_of, has_secret, seal
from reconciler.core.sequence import in_order
from reconciler.core.settled import settled, terms_differ, what_else
from reconciler.core.steps import create_steps, settled_fields, sourced_marks, update_steps
from reconciler.core.values import ABSENT, Secret, Tree, unknowns
from reconciler.core.wire import live_digest, live_tree


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
    selected = options.selected
    draft.problems += [item for item in matches.problems if selected is None or item.key in selected]
    for item in matches.items:
        if selected is None or item.desired.key in selected:
            _plan_one(draft, item)
    if not options.partial:
        for entry in matches.unclaimed:
            _plan_gone(draft, entry)
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
        cost=_cost(changes, options),
    )


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
    desired = item.desired
    sealed = seal(fields, draft.fingerprint)
    changes = tuple(
        FieldChange((name,), "ours", ABSENT, value, ABSENT, "new" if isinstance(value, Secret) else "")
        for name, value in sorted(sealed.items())
    )
    steps, problem = create_steps(kind, desired.key, sealed)
    if problem:
        draft.problems.append(problem)
    draft.changes.append(
        Change(
            desired.key,
            "create",
            str(fields["name"]),
            steps=steps,
            fields=changes,
            entry=_entry(desired, "", sealed),
            reason="missing" if item.entry is not None else "",
            moved_from=item.moved_from,
            mark=desired.locate(()),
            marks=sourced_marks(kind, changes, desired),
            bundle_files=bundle_files(ABSENT, sealed.get(kind.bundle.field) if kind.bundle else ABSENT),
        )
    )


def _plan_existing(draft: _Draft, kind: Kind, item: Match, live: Observed, fields: Tree) -> None:
    desired, key = item.desired, item.desired.key
    base = item.entry.fields if item.entry is not None else {}
    tree = live_tree(kind, live.body)
    sealed = seal(fields, draft.fingerprint)
    adopting = item.entry is None
    found = compare(
        kind,
        base,
        sealed,
        tree,
        fingerprint=fingerprint_of,
        ignore=desired.lifecycle.ignore_changes,
        force_secrets=key in draft.options.write_secrets,
        keep_secrets=adopting,
    )
    if not (found.patch or found.unchecked or item.moved_from or _outdated(found, item.entry, desired)):
        draft.unchanged += 1
        return
    steps, problems = update_steps(kind, key, found, sealed, tree)
    draft.problems += problems
    if adopting and has_secret(sealed) and key not in draft.options.write_secrets:
        draft.warnings.append(f"{key}: adopted without writing its secrets; --write-secret {key} writes them")
    change = Change(
        key,
        "adopt" if adopting else "update" if steps else "none",
        str(fields["name"]),
        resource_id=live.id,
        pin=pin_of(kind, live, draft.options.style),
        steps=steps,
        fields=found.changes,
        unchecked=found.unchecked,
        entry=_entry(desired, live.id, settled_fields(sealed, base, desired.lifecycle.ignore_changes)),
        reason=what_else(item.entry, desired, item.moved_from),
        moved_from=item.moved_from,
        mark=desired.locate(()),
        marks=sourced_marks(kind, found.changes, desired),
        modified=(live.modified_by, live.modified_time),
    )
    detailed, problem = with_details(kind, change, base, tree, sealed, live, draft.options.readers)
    draft.problems += [problem] if problem else []
    draft.changes.append(detailed)


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
    draft.changes.append(
        Change(
            entry.key,
            "delete",
            live.name,
            entry.id,
            pin_of(kind, live, draft.options.style),
            (Step("delete", {"force": True} if lost is not None else {}),),
            tuple(
                FieldChange((name,), "ours", value, ABSENT, value)
                for name, value in sorted(live_tree(kind, live.body).items())
            ),
            reason="with its records" if lost is not None else "",
            modified=(live.modified_by, live.modified_time),
        )
    )


def pin_of(kind: Kind, live: Observed, style: PinStyle) -> Pin:
    """The pin for a write on what was observed, in the target's concurrency style (design §4)."""
    mark = live_digest(kind, live.body)
    if style == "etag" and live.etag:
        return Pin("etag", live.etag, mark)
    version = live.body.get(kind.wire.version_field) if kind.wire and kind.wire.version_field else None
    if style != "compare" and version is not None:
        return Pin("version", str(version), mark)
    return Pin("compare", "", mark)


def _entry(desired: Desired, resource_id: str, fields: Tree) -> Entry:
    return Entry(
        desired.key,
        resource_id,
        fields,
        tuple(sorted(desired.dependencies)),
        desired.lifecycle.protect,
        desired.lifecycle.retain,
    )


def _sizes(matches: Matches, ledger: Ledger) -> dict[str, int]:
    """How many resources of each kind are ours, one that changes its key counted once: the denominators of guards."""
    moved = {item.moved_from for item in matches.items}
    sizes: dict[str, int] = {}
    for key in {*ledger.entries, *(item.desired.key for item in matches.items)} - moved:
        sizes[key.kind] = sizes.get(key.kind, 0) + 1
    return dict(sorted(sizes.items()))


def _cost(changes: Iterable[Change], options: Options) -> Cost:
    """Requests that applying takes: the writes, a comparison before each where the API has no ETag, and reading back."""
    requests = 0
    for change in changes:
        requests += len(change.steps)
        if change.steps:
            requests += 1 + (len(change.steps) if change.pin.best_effort else 0)
    return Cost(requests, round(requests / options.rate, 1) if options.rate else 0.0)
