"""What ``metadata`` says about a resource's life: renamed manifests, fields left alone, protection."""

from __future__ import annotations

from collections.abc import Mapping, Set

from reconciler.core.diagnostic import PathParts
from reconciler.core.resource import Key, Lifecycle
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.manifest import Manifest
from reconciler.loading.model_paths import fields_at, knows
from reconciler.loading.suggest import did_you_mean

_PLAIN = Lifecycle()


def lifecycle_of(manifest: Manifest) -> Lifecycle:
    """The lifecycle settings of a manifest."""
    settings = manifest.metadata.get("lifecycle")
    if not settings:
        return _PLAIN
    return Lifecycle(
        bool(settings.get("protect", False)),
        settings.get("deletion") == "retain",
        tuple(settings.get("ignoreChanges") or ()),
    )


def moved_from(manifest: Manifest) -> Key | None:
    """The key that a manifest had before, where it says so."""
    text = manifest.metadata.get("movedFrom")
    return Key.parse(text) if text else None


def check_moves(manifests: Mapping[Key, Manifest], declared: Set[Key], findings: Findings) -> None:
    """A key that is moved from must be of the same kind, gone, and taken over by one manifest only."""
    taken: dict[Key, Manifest] = {}
    path: PathParts = ("metadata", "movedFrom")
    for key, manifest in manifests.items():
        old = moved_from(manifest)
        if old is None:
            continue
        if old.kind != key.kind:
            message = f"a {key.kind} cannot take the place of a {old.kind}"
            findings.add(rules.MOVED_FROM, message, manifest.source, path, fix=f"write {key.kind}/…")
        elif old in declared:
            what = "itself" if old == key else f"{old}, which still exists"
            findings.add(
                rules.MOVED_FROM,
                f"{key} says that it was {what}",
                manifest.source,
                path,
                fix="remove movedFrom, or the old one",
            )
        elif old in taken:
            first = taken[old].source.mark(path)
            message = f"{taken[old].key} has taken the place of {old} already"
            related = (("taken over here", first),)
            findings.add(rules.MOVED_FROM, message, manifest.source, path, fix="remove one movedFrom", related=related)
        else:
            taken[old] = manifest


def check_ignored(manifest: Manifest, findings: Findings) -> None:
    """Paths in ``ignoreChanges`` must name something that the kind sends."""
    kind = manifest.kind
    added = {rule.wire_field for rule in kind.references if rule.wire_field}
    added |= {rule.wire_field for rule in kind.fragments}
    local = kind.spec_only | {"name"} | {rule.spec_field for rule in kind.references}
    local |= {rule.spec_field for rule in kind.fragments}
    for index, text in enumerate(lifecycle_of(manifest).ignore_changes):
        parts = tuple(text.split("."))
        sent = (fields_at(kind.spec, ()) | added) - local
        ok = parts[0] in added or (parts[0] in sent and _leads_somewhere(manifest, parts))
        if not ok:
            fix = did_you_mean(parts[0], sent) if parts[0] not in sent else "check the part behind the first dot"
            message = f"`{text}` names no field that a {kind.name} sends"
            path = ("metadata", "lifecycle", "ignoreChanges", index)
            findings.add(rules.IGNORE_CHANGES, message, manifest.source, path, fix=fix)


def _leads_somewhere(manifest: Manifest, parts: tuple[str, ...]) -> bool:
    """Whether a path exists in the kind. Behind a glob, or an item of a list, anything may follow."""
    if any(char in part for part in parts for char in "*?["):
        return True
    return knows(manifest.kind.spec, parts)
