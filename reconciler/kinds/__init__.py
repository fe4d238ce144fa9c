"""The kinds of manifests: one file each, found by looking into this package; there is no list to edit.

A module of this package that has a ``KIND`` is a kind. What kinds share (field types, checks) lives in the packages beside
them, which the search leaves alone.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from reconciler.core.kind import Kind


def load_kinds() -> dict[str, Kind]:
    """Import every kind of this package; returns them by name, sorted.

    Raises `ValueError` when two modules describe a kind of the same name.
    """
    found: dict[str, Kind] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        if module.ispkg:
            continue
        kind = getattr(import_module(module.name), "KIND", None)
        if not isinstance(kind, Kind):
            continue
        if kind.name in found:
            raise ValueError(f"two modules describe the kind {kind.name}; the second is {module.name}")
        found[kind.name] = kind
    return dict(sorted(found.items()))
