"""Finds secrets that are written out in a manifest instead of being referred to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.diagnostic import PathParts
from reconciler.core.kind import Kind
from reconciler.core.values import Secret
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.leaves import BROKEN
from reconciler.loading.manifest import Manifest
from reconciler.loading.references import values_at

_FIX = "write ${secret:env:NAME}, ${secret:file:PATH} or ${secret:vault:MOUNT/PATH#KEY}, and change the value: it was in a file"


def secret_paths(kind: Kind) -> tuple[PathParts, ...]:
    """The paths inside ``spec`` at or below which values are not to be printed."""
    maps = tuple(tuple(rule.path.split(".")) for rule in kind.secret_maps if rule.plain is not None)
    return maps + tuple(tuple(path.split(".")) for path in kind.secret_fields)


def refuse_literals(manifest: Manifest, findings: Findings) -> tuple[PathParts, ...]:
    """Report every secret field that holds a value of its own, and keep those values out of all excerpts.

    Returns the paths of these fields inside ``spec``.
    """
    literals = []
    for path, value in _secret_values(manifest.kind, manifest.spec):
        if value is None or value is BROKEN or isinstance(value, Secret):
            continue
        literals.append(path)
        for at in _scalars(value, path):
            findings.hide(manifest.source, ("spec", *at))
        findings.add(
            rules.LITERAL_SECRET, "a secret is not written into a manifest", manifest.source, ("spec", *path), fix=_FIX
        )
    for path in _misshapen(manifest.kind, manifest.spec):
        findings.hide(manifest.source, ("spec", *path))
    return tuple(literals)


def _secret_values(kind: Kind, spec: Any) -> Iterator[tuple[PathParts, Any]]:
    for rule in kind.secret_maps:
        if rule.plain is None:
            continue
        for path, found in values_at(spec, rule.path):
            if isinstance(found, dict):
                yield from (((*path, key), value) for key, value in found.items() if key not in rule.plain)
    for field in kind.secret_fields:
        yield from values_at(spec, field)


def _misshapen(kind: Kind, spec: Any) -> Iterator[PathParts]:
    """Scalars where a map on the way to secrets should be: the model refuses them, and they may well be secrets."""
    for full in secret_paths(kind):
        value: Any = spec
        for length, part in enumerate(full):
            if not isinstance(value, dict):
                yield from _scalars(value, full[:length])
                break
            if part not in value:
                break
            value = value[part]
        else:
            if isinstance(value, list):
                yield from _scalars(value, full)


def _scalars(value: Any, path: PathParts) -> Iterator[PathParts]:
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _scalars(item, (*path, key))
    else:
        yield path
