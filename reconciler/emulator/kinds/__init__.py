"""The resource kinds of the tenant, one file each, found by looking into this folder: there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from reconciler.emulator.kind import Kind


@cache
def all_kinds() -> dict[str, Kind]:
    """Give every kind by its name, in an order where a kind comes after those it refers to."""
    found: dict[str, Kind] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        kind = importlib.import_module(f"{__name__}.{module.name}").KIND
        found[kind.name] = kind
    ordered: dict[str, Kind] = {}

    def place(kind: Kind) -> None:
        if kind.name not in ordered:
            for target in kind.references.values():
                place(found[target])
            ordered[kind.name] = kind

    for kind in found.values():
        place(kind)
    return ordered
