"""Finding out quickly that a resource is as it should be, which in most plans nearly all of them are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.compare import FieldChange, Fingerprint, compare
from reconciler.core.kind import Kind
from reconciler.core.matching import Match
from reconciler.core.refs import Identify, resolve_tree, resolve_value
from reconciler.core.resource import Desired, Entry, Key, Observed
from reconciler.core.sameness import identical, same
from reconciler.core.seal import fingerprint_of, seal
from reconciler.core.values import ABSENT, Secret, Tree
from reconciler.core.wire import SERVER_OWNED, live_tree


def settled(kind: Kind, item: Match, identify: Identify, fingerprint: Fingerprint, *, force_secrets: bool) -> bool:
    """Whether there is nothing to do and nothing to record.

    Where the ETag is the one under which the ledger's fields were seen live, only git and ledger are compared. Else most fields
    are spelled alike in all three trees; only the others are resolved, sealed, normalised and compared. A resource that is
    not settled by that is planned from the beginning.
    """
    desired, entry, live = item.desired, item.entry, item.live
    if entry is None or live is None or item.moved_from or terms_differ(entry, desired):
        return False
    untouched = entry.etag != "" and entry.etag == live.etag and not force_secrets
    if untouched and (
        identical(desired.fields, entry.fields) or _as_applied(desired.fields, entry.fields, identify, fingerprint)
    ):
        return True
    left = _unsettled(kind, desired.fields, entry.fields, live.body)
    if not left:
        return True
    fields = resolve_tree({name: desired.fields[name] for name in left if name in desired.fields}, identify)
    found = compare(
        kind,
        {name: entry.fields[name] for name in left if name in entry.fields},
        seal(fields, fingerprint),
        live_tree(kind, live.body, left),
        fingerprint=fingerprint_of,
        ignore=desired.lifecycle.ignore_changes,
        force_secrets=force_secrets,
    )
    return not (found.patch or found.unchecked or found.changes or found.stale_base)


def _as_applied(value: Any, base: Any, identify: Identify, fingerprint: Fingerprint) -> bool:
    """Whether git says what the ledger says was last applied: in one walk, in which nothing is built.

    A null is not the same as nothing here: it may be declared anew. Typed leaves are what they stand for in a plan.
    """
    kind = value.__class__
    if kind is dict:
        if base.__class__ is not dict or value.keys() != base.keys():
            return False
        for name, item in value.items():
            # Most values are text, and this loop sees all of them: a call is for the others.
            if item.__class__ is str:
                if item != base[name]:
                    return False
            elif not _as_applied(item, base[name], identify, fingerprint):
                return False
        return True
    if kind is list:
        if base.__class__ is not list or len(value) != len(base):
            return False
        return all(_as_applied(item, other, identify, fingerprint) for item, other in zip(value, base, strict=True))
    if kind is Secret:
        return (
            base.__class__ is Secret
            and value.reference == base.reference
            and base.fingerprint != ""
            and fingerprint(value) == base.fingerprint
        )
    return same(resolve_value(value, identify), base)


def divergence(kind: Kind, entry: Entry, live: Observed) -> tuple[FieldChange, ...]:
    """Where a live resource is not what the ledger holds of it; empty where its ETag may stand for those fields."""
    left = _unsettled(kind, entry.fields, entry.fields, live.body)
    if not left:
        return ()
    fields = {name: entry.fields[name] for name in left}
    return compare(kind, fields, fields, live_tree(kind, live.body, left), fingerprint=fingerprint_of).changes


def terms_differ(before: Entry, desired: Desired) -> bool:
    """Whether the manifest says something else than the ledger of how the resource is to live and end."""
    lifecycle = desired.lifecycle
    if before.protect != lifecycle.protect or before.retain != lifecycle.retain:
        return True
    return before.dependencies != tuple(sorted(desired.dependencies))


def what_else(before: Entry | None, desired: Desired, moved_from: Key | None) -> str:
    """What a manifest changes beside its fields, in words: its key, and the protection that the ledger keeps."""
    parts = [f"moved from {moved_from}"] if moved_from else []
    now = desired.lifecycle
    if before is not None and before.protect != now.protect:
        parts.append("protected from now on" if now.protect else "no longer protected")
    if before is not None and before.retain != now.retain:
        parts.append("retained from now on" if now.retain else "no longer retained")
    return ", ".join(parts)


def _unsettled(kind: Kind, desired: Tree, base: Tree, body: Mapping[str, Any]) -> list[str]:
    """The fields that need a closer look: all but those that git, ledger and tenant spell in the same way.

    What needs none is plain JSON. Normalising would not tell it apart, since that takes like values to like values.
    """
    special = _special(kind)
    shown = {name: body[name] for name in desired if name in body and name not in special}
    if identical(desired, shown, base):
        return []
    left = [
        name
        for name, value in desired.items()
        if name not in shown or not identical(value, shown[name], base.get(name, ABSENT))
    ]
    return left + [name for name in base if name not in desired]


def _special(kind: Kind) -> frozenset[str]:
    """The fields in which a live body does not say what it seems to: the server's own, and maps with masked secrets."""
    hidden = {secrets.path.partition(".")[0] for secrets in kind.secret_maps}
    return kind.read_only | SERVER_OWNED | hidden
