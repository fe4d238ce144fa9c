"""Planning: from desired, observed and ledger to the changes. Pure, deterministic, whatever order things come in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.core.compare import Comparison, FieldChange, Fingerprint, compare
from reconciler.core.kind import Kind, Kinds
from reconciler.core.matching import Match, Matches, match
from reconciler.core.order import CycleError, topological
from reconciler.core.plan import Change, Cost, Header, Orphan, Plan, Problem, Step
from reconciler.core.refs import resolve_tree
from reconciler.core.resource import Desired, Entry, Key, Ledger, Observed, Pin, PinStyle
from reconciler.core.schema_change import classify
from reconciler.core.steps import create_steps, settled_fields, sourced_marks, update_steps
from reconciler.core.values import ABSENT, Bundle, Secret, Tree, unknowns
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
    changes = _in_order(draft, ledger)
    sizes: dict[str, int] = {}
    for key in {*ledger.entries, *(item.key for item in wanted)}:
        sizes[key.kind] = sizes.get(key.kind, 0) + 1
    return Plan(
        header=header,
        changes=tuple(changes),
        orphans=tuple(sorted(draft.orphans, key=lambda orphan: orphan.key)),
        problems=tuple(sorted(draft.problems, key=lambda item: (item.code, str(item.key or ""), item.message))),
        warnings=tuple(sorted(set(draft.warnings))),
        unchanged=draft.unchanged,
        sizes=dict(sorted(sizes.items())),
        partial=options.partial,
        manifests=len(wanted),
        cost=_cost(changes, options),
    )


def _plan_one(draft: _Draft, item: Match) -> None:
    if item.refused:
        return
    kind = draft.kinds[item.desired.key.kind]
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
    sealed = _seal(fields, draft.fingerprint)
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
            marks=sourced_marks(changes, desired),
            bundle_files=_bundle_files(ABSENT, sealed.get(kind.bundle.field) if kind.bundle else ABSENT),
        )
    )


def _plan_existing(draft: _Draft, kind: Kind, item: Match, live: Observed, fields: Tree) -> None:
    desired, key = item.desired, item.desired.key
    base = item.entry.fields if item.entry is not None else {}
    tree = live_tree(kind, live.body)
    sealed = _seal(fields, draft.fingerprint)
    adopting = item.entry is None
    compared = _without_secrets(sealed) if adopting and key not in draft.options.write_secrets else sealed
    found = compare(
        kind,
        base,
        compared,
        tree,
        fingerprint=lambda secret: secret.fingerprint,
        ignore=desired.lifecycle.ignore_changes,
        force_secrets=key in draft.options.write_secrets,
    )
    steps, problems = update_steps(kind, key, found, sealed, tree)
    entry = _entry(desired, live.id, settled_fields(sealed, base, desired.lifecycle.ignore_changes))
    change = Change(
        key,
        "adopt" if adopting else "update" if steps else "none",
        str(fields["name"]),
        resource_id=live.id,
        pin=pin_of(kind, live, draft.options.style),
        steps=steps,
        fields=found.changes,
        unchecked=found.unchecked,
        entry=entry,
        reason=f"moved from {item.moved_from}" if item.moved_from else "",
        moved_from=item.moved_from,
        mark=desired.locate(()),
        marks=sourced_marks(found.changes, desired),
        modified=(live.modified_by, live.modified_time),
    )
    draft.problems += problems
    if adopting and _has_secret(sealed) and key not in draft.options.write_secrets:
        draft.warnings.append(f"{key}: adopted without writing its secrets; --write-secret {key} writes them")
    if change.action == "none" and not (found.unchecked or item.moved_from or _outdated(found, item.entry, entry)):
        draft.unchanged += 1
        return
    draft.changes.append(_with_details(draft, kind, change, live, tree, sealed, base))


def _outdated(found: Comparison, before: Entry | None, after: Entry) -> bool:
    """Whether the ledger's entry should be written again although the tenant is as it should be."""
    if found.stale_base or found.changes or before is None:
        return True
    return (before.dependencies, before.protect, before.retain) != (after.dependencies, after.protect, after.retain)


def _with_details(
    draft: _Draft, kind: Kind, change: Change, live: Observed, tree: Tree, sealed: Tree, base: Tree
) -> Change:
    """Add what a reader wants to know beyond the fields: classes of schema change, files of a bundle."""
    if kind.bundle and any(item.path == (kind.bundle.field,) for item in change.fields):
        known = base.get(kind.bundle.field, ABSENT)
        change = replace(change, bundle_files=_bundle_files(known, sealed.get(kind.bundle.field)))
    if kind.table is None:
        return change
    moved = {item.path[0] for item in change.fields if item.sends}
    effects = classify(kind.table, tree, {name: value for name, value in sealed.items() if name in moved})
    records = live.body.get(kind.table.count)
    breaking = [effect for effect in effects if effect.effect == "breaking"]
    if breaking and isinstance(records, (int, float)) and records > 0:
        listed = "; ".join(f"{effect.column}: {effect.message}" for effect in breaking)
        draft.problems.append(
            Problem(
                "G008",
                f"{change.key} holds {records:g} records, and the change breaks them: {listed}",
                "add a new nullable column beside the old one, fill it, move the mappings over, then drop the old one "
                "once the dataset is empty; or declare a new resource under another name",
                change.key,
            )
        )
    touches = draft.options.readers.get(change.key, ()) if effects else ()
    return replace(change, effects=effects, touches=touches)


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
        draft.changes.append(
            Change(
                entry.key,
                "delete",
                live.name,
                entry.id,
                pin_of(kind, live, draft.options.style),
                (Step("delete", {}),),
                tuple(
                    FieldChange((name,), "ours", value, ABSENT, value)
                    for name, value in sorted(live_tree(kind, live.body).items())
                ),
                modified=(live.modified_by, live.modified_time),
            )
        )
        return
    draft.orphans.append(Orphan(entry.key, entry.live_name, entry.id, reason))


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


def _seal(value: Any, fingerprint: Fingerprint) -> Any:
    """Give every secret its fingerprint; the values go along, and leave with the process."""
    if isinstance(value, Secret):
        mark = fingerprint(value)
        return Secret(value.reference, value.reveal() if value.resolved else None, mark)
    if isinstance(value, dict):
        return {key: _seal(item, fingerprint) for key, item in value.items()}
    if isinstance(value, list):
        return [_seal(item, fingerprint) for item in value]
    return value


def _has_secret(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_secret(item) for item in value.values())
    return isinstance(value, Secret)


def _without_secrets(tree: Tree) -> Tree:
    return {
        key: _without_secrets(value) if isinstance(value, dict) and _has_secret(value) else value
        for key, value in tree.items()
        if not isinstance(value, Secret)
    }


def _bundle_files(before: object, after: object) -> tuple[tuple[str, str], ...]:
    """Which files of a bundle are added, changed or removed, by name."""
    old = before.files if isinstance(before, Bundle) else {}
    new = after.files if isinstance(after, Bundle) else {}
    return tuple(
        (name, "added" if name not in old else "removed" if name not in new else "changed")
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _in_order(draft: _Draft, ledger: Ledger) -> list[Change]:
    by_key = {change.key: change for change in draft.changes}
    edges = _edges(draft, by_key, ledger)
    rank = {key: 1 if change.action in ("delete", "forget") else 0 for key, change in by_key.items()}
    try:
        line = topological(edges, rank)
    except CycleError as error:
        draft.problems.append(
            Problem(
                "G012",
                f"no order of changes works: {error}",
                "break the circle by renaming one of them to a third name first, and apply twice",
            )
        )
        return [by_key[key] for key in sorted(by_key)]
    return [replace(by_key[key], after=tuple(sorted(edges[key] & by_key.keys()))) for key in line]


def _edges(draft: _Draft, by_key: Mapping[Key, Change], ledger: Ledger) -> dict[Key, set[Key]]:
    """Who comes after whom: dependencies first, deletes in reverse, and a name is freed before it is taken."""
    edges: dict[Key, set[Key]] = {key: set() for key in by_key}
    for item in draft.matches.items:
        if item.desired.key in edges:
            edges[item.desired.key] |= {key for key in item.desired.dependencies if key in by_key}
    for key, change in by_key.items():
        # What used to refer to something lets go of it before that is deleted.
        entry = ledger.entries.get(change.moved_from or key)
        for other in entry.dependencies if entry else ():
            if other in by_key and by_key[other].action == "delete":
                edges[other].add(key)
                edges[key].discard(other)
    holders = {(key.kind, entry.live_name): key for key, entry in ledger.entries.items()}
    for key, change in by_key.items():
        renames = change.action == "create" or any(item.path == ("name",) for item in change.fields)
        holder = holders.get((key.kind, change.live_name))
        if renames and change.action != "delete" and holder is not None and holder != key and holder in by_key:
            edges[key].add(holder)
    return edges


def _cost(changes: Iterable[Change], options: Options) -> Cost:
    """Requests that applying takes: the writes, a comparison before each where the API has no ETag, and reading back."""
    requests = 0
    for change in changes:
        requests += len(change.steps)
        if change.steps:
            requests += 1 + (len(change.steps) if change.pin.best_effort else 0)
    return Cost(requests, round(requests / options.rate, 1) if options.rate else 0.0)
