"""Getting a plan ready to be sent: secrets resolved, bundles built again, all of it checked before the first request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reconciler.core.compare import Path
from reconciler.core.kind import Kinds
from reconciler.core.plan import Change, Plan, Step
from reconciler.core.resource import Entry, Ledger
from reconciler.core.values import Bundle, Secret, Tree, with_leaves
from reconciler.errors import SecretUnavailable, SourcesMoved

Resolve = Callable[[Secret], Secret]
"""Resolves a secret; an unresolved one comes back where its provider is out of reach."""
Fingerprint = Callable[[Secret], str]
Content = Callable[[Bundle], bytes]
"""Builds a bundle's zip; raises `SourcesMoved` where it is not what its digest says."""


def prepare(
    plan: Plan,
    ledger: Ledger,
    kinds: Kinds,
    *,
    resolve: Resolve,
    fingerprint: Fingerprint,
    content: Content,
    planned: Fingerprint | None = None,
) -> tuple[list[Change], list[str]]:
    """Resolve and verify all that a plan will send; returns the changes ready to go, and warnings.

    ``fingerprint`` marks for the ledger; ``planned`` is how the plan's own marks were made where that is another way (it was
    made before there was a ledger). What comes back holds the ledger's marks only, and nothing to check any more.
    Raises `SecretUnavailable` where a secret must be written and cannot be had, `SourcesMoved` where a secret or a bundle is
    not what was planned. Nothing has been sent then.
    """
    ready: list[Change] = []
    warnings: list[str] = []
    for change in plan.changes:
        prepared = _with_values(change, resolve, fingerprint, content, planned)
        if change.unchecked and prepared.entry is not None:
            whole = _written_whole(kinds, change)
            prepared = _with_unchecked(prepared, prepared.entry, ledger, resolve, warnings, whole=whole)
        ready.append(replace(prepared, unchecked=()) if prepared.unchecked else prepared)
    return ready, warnings


def _with_values(
    change: Change, resolve: Resolve, fingerprint: Fingerprint, content: Content, planned: Fingerprint | None
) -> Change:
    """A change with its secrets resolved, those of its entry sealed, and its bundles built; itself where it has neither."""

    def resolved(leaf: Any) -> Any:
        if isinstance(leaf, Bundle):
            content(leaf)
        return _resolved(change, leaf, resolve, fingerprint, planned) if isinstance(leaf, Secret) else leaf

    def sealed(leaf: Any) -> Any:
        return _sealed(leaf, resolve, fingerprint, planned) if isinstance(leaf, Secret) else leaf

    steps, entry = change.steps, change.entry
    bodies = [with_leaves(step.body, resolved) for step in steps]
    if any(body is not step.body for body, step in zip(bodies, steps, strict=True)):
        steps = tuple(replace(step, body=body) for body, step in zip(bodies, steps, strict=True))
    # Of a create mostly the very tree is sent that its entry holds: where nothing was found in that, there is nothing to seal.
    if entry is not None and not any(entry.fields is body for body in bodies):
        fields = with_leaves(entry.fields, sealed)
        entry = entry if fields is entry.fields else replace(entry, fields=fields)
    return change if steps is change.steps and entry is change.entry else replace(change, steps=steps, entry=entry)


def _resolved(
    change: Change, value: Secret, resolve: Resolve, fingerprint: Fingerprint, planned: Fingerprint | None
) -> Secret:
    secret = value if value.resolved else resolve(value)
    if not secret.resolved:
        raise SecretUnavailable(
            f"{change.key}: the secret {value.reference} must be written and its provider is out of reach",
            fix="run where the provider can be reached, or set the variable that it reads",
        )
    mark = fingerprint(secret)
    if value.fingerprint and value.fingerprint != (planned(secret) if planned else mark):
        raise SourcesMoved(
            f"{change.key}: the secret {value.reference} is not the one that was there when the plan was made",
            fix="plan again",
        )
    return Secret(secret.reference, secret.reveal(), mark)


def _sealed(value: Secret, resolve: Resolve, fingerprint: Fingerprint, planned: Fingerprint | None) -> Secret:
    """A secret by its fingerprint, where that can be had, and without its value: this is what the ledger holds."""
    if value.fingerprint and planned is None:
        return Secret(value.reference, fingerprint=value.fingerprint)
    secret = value if value.resolved else resolve(value)
    return Secret(value.reference, fingerprint=fingerprint(secret) if secret.resolved else "")


def _written_whole(kinds: Kinds, change: Change) -> bool:
    wire = kinds[change.key.kind].wire
    return wire is not None and wire.update == "PUT"


def _with_unchecked(
    change: Change, entry: Entry, ledger: Ledger, resolve: Resolve, warnings: list[str], *, whole: bool
) -> Change:
    """Look at the secrets that planning could not check: those that changed are written, the others keep their mark.

    A kind that is only written ``whole`` (PUT) cannot take a secret alone: it is told of, and written by the next plan.
    """
    before = ledger.entries.get(change.moved_from or change.key)
    patch: Tree = {}
    fields = entry.fields
    for path in change.unchecked:
        secret, known = _at(fields, path), _at(before.fields if before else {}, path)
        if not isinstance(secret, Secret):
            continue
        if not secret.fingerprint:
            warnings.append(f"{change.key}: {'.'.join(path)} could not be checked here either")
            fields = _put(fields, path, known)
        elif isinstance(known, Secret) and known.fingerprint == secret.fingerprint:
            continue
        elif whole:
            warnings.append(f"{change.key}: {'.'.join(path)} changed; plan again, now that its provider is in reach")
            fields = _put(fields, path, known)
        else:
            patch = _put(patch, path, Secret(secret.reference, resolve(secret).reveal(), secret.fingerprint))
    steps = (Step("update", patch), *change.steps) if patch else change.steps
    return replace(change, steps=steps, entry=replace(entry, fields=fields), unchecked=())


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _put(tree: Tree, path: Path, value: Any) -> Tree:
    inner = tree.get(path[0])
    new = value if len(path) == 1 else _put(inner if isinstance(inner, dict) else {}, path[1:], value)
    return {**tree, path[0]: new}
