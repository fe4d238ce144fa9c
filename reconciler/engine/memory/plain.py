"""Settings and kinds as plain JSON and back: dataclasses of a given list, and the containers that they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from reconciler.core.kind import BundleField, Fragments, LifecycleField, Reference, SchemaField, SecretMap, Wire
from reconciler.core.values import PLAIN
from reconciler.loading.project import (
    ApiSettings,
    ApplySettings,
    AuthSettings,
    GuardSettings,
    LimitSettings,
    Project,
    Target,
)

_CLASSES: Mapping[str, type[Any]] = {
    item.__name__: item
    for item in (
        *(BundleField, Fragments, LifecycleField, Reference, SchemaField, SecretMap, Wire),
        *(ApiSettings, ApplySettings, AuthSettings, GuardSettings, LimitSettings, Project, Target),
    )
}


def encode(value: Any) -> Any:
    """A value as JSON that `decode` turns back into an equal one; raises `TypeError` for what is none of these."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is list:
        return [encode(item) for item in value]
    if kind is tuple:
        return {"tuple": [encode(item) for item in value]}
    if kind is frozenset:
        return {"set": sorted(value)}
    if isinstance(value, Mapping):
        return {"map": {key: encode(item) for key, item in value.items()}}
    if isinstance(value, Path):
        return {"path": str(value)}
    if _CLASSES.get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__name__} is not remembered")
    return {kind.__name__: encode_fields(value, _names(kind))}


def encode_fields(value: Any, names: Iterable[str]) -> list[Any]:
    """Some fields of a dataclass."""
    return [encode(getattr(value, name)) for name in names]


def decode(value: Any) -> Any:
    """The opposite of `encode`; raises `ValueError`, `TypeError` or `KeyError` for what it did not write."""
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    ((what, held),) = value.items()
    if what == "tuple":
        return tuple([decode(item) for item in held])
    if what == "set":
        return frozenset(held)
    if what == "map":
        return {key: decode(item) for key, item in held.items()}
    if what == "path":
        return Path(held)
    return _CLASSES[what](*[decode(item) for item in held])


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))
