"""Bound manifests as statements that can be compared: secrets by their references, bundles by their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.differing import Stated
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Desired, Key
from reconciler.core.values import Bundle, Secret, Tree, with_leaves
from reconciler.loading.manifest import Bound


def stated(bound: Bound, kinds: Kinds, pointers: Mapping[str, str] | None = None) -> dict[Key, Stated]:
    """Every manifest by its key. ``pointers`` are Git LFS pointers, as `Snapshot.pointers` has them.

    A pointer counts as the content that it stands for, whichever of the two a side has.
    """
    return {item.key: item for item in _all(bound, kinds, pointers or {})}


def _all(bound: Bound, kinds: Kinds, pointers: Mapping[str, str]) -> Iterator[Stated]:
    for item in bound.desired:
        fields = _comparable(kinds[item.key.kind], item.fields, pointers)
        yield Stated(item.key, fields, _settings(item), item.moved_from, item.locate)
    for fragment in bound.fragments:
        yield Stated(
            fragment.key, _comparable(kinds[fragment.key.kind], fragment.spec, pointers), locate=fragment.locate
        )
    for job in bound.jobs:
        labels: Tree = {"labels": dict(job.labels)} if job.labels else {}
        yield Stated(job.key, _comparable(kinds[job.key.kind], job.spec, pointers), labels, locate=job.locate)


def _settings(item: Desired) -> Tree:
    """What a manifest says that never reaches the tenant, as it would be written."""
    lifecycle = item.lifecycle
    said = {
        "protect": lifecycle.protect,
        "deletion": "retain" if lifecycle.retain else "",
        "ignoreChanges": list(lifecycle.ignore_changes),
    }
    kept = {name: by_reference(value) for name, value in item.kept.items()}
    tree: Tree = {"lifecycle": {name: value for name, value in said.items() if value}, "labels": dict(item.labels)}
    return {**{name: value for name, value in tree.items() if value}, **kept}


def _comparable(kind: Kind, fields: Tree, pointers: Mapping[str, str]) -> Tree:
    if kind.secret_maps or kind.secret_fields or kind.kind_class == "job":
        fields = by_reference(fields)
    code = fields.get(kind.bundle.field) if kind.bundle is not None else None
    if kind.bundle is not None and pointers and isinstance(code, Bundle):
        files = {name: pointers.get(digest, digest) for name, digest in code.files.items()}
        fields = {**fields, kind.bundle.field: replace(code, files=files)}
    return fields


def by_reference(value: Any) -> Any:
    """A value in which secrets are what they refer to, whether they were resolved or not; what has none is shared."""

    def bare(leaf: Any) -> Any:
        known = isinstance(leaf, Secret) and (leaf.resolved or leaf.fingerprint)
        return Secret(leaf.reference) if known else leaf

    return with_leaves(value, bare)
