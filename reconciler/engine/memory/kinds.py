"""Kinds without their models: what comparing and sending need of them is plain data, and importing models takes long."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from reconciler import kinds as package
from reconciler.core.kind import Kind
from reconciler.engine.memory.plain import decode, encode_fields

_MODEL: Final = ("spec", "check")
_NAMES: Final = tuple(item.name for item in fields(Kind) if item.name not in _MODEL)


class _WithoutModel(Kind):
    """A kind whose model and check are imported when somebody asks for them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet."""
        if name not in _MODEL:
            raise AttributeError(name)
        real = package.load_kinds()[self.name]
        for model in _MODEL:
            object.__setattr__(self, model, getattr(real, model))
        return getattr(real, name)


def stamp() -> list[list[Any]]:
    """What tells whether the kinds are still the same: name, size and time of their files. Raises `OSError`."""
    found: list[list[Any]] = []
    for folder in package.__path__:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    status = entry.stat()
                    found.append([entry.name, status.st_size, status.st_mtime_ns])
    return sorted(found)


def encode_kinds(kinds: Mapping[str, Kind]) -> list[Any]:
    """Kinds as JSON, without their models; raises `TypeError` for one that is no plain data."""
    return [encode_fields(kind, _NAMES) for kind in kinds.values()]


def decode_kinds(data: list[Any]) -> dict[str, Kind]:
    """The opposite of `encode_kinds`; raises as `decode` does."""
    found: dict[str, Kind] = {}
    for values in data:
        kind = object.__new__(_WithoutModel)
        for name, value in zip(_NAMES, values, strict=True):
            object.__setattr__(kind, name, decode(value))
        found[kind.name] = kind
    return found
