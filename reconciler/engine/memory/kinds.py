"""Kinds without their models: what comparing and sending need of them is plain data, and importing models takes long."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import fields
from hashlib import blake2b
from typing import Any, Final

import reconciler
from reconciler import kinds as package
from reconciler.core.kind import Kind
from reconciler.engine.memory.plain import decode, encode_fields
from reconciler.loading.yaml_files import read_bytes

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


_BASE = os.path.join(os.path.dirname(reconciler.__file__), "model.py")  # noqa: PTH118, PTH120 - as below
"""The base of all models; its place is known without importing it, and pydantic with it."""


def stamp() -> str:
    """What tells whether the kinds are still the same: a digest (hex) of all their files and their base's. Raises `OSError`.

    Not their times: a cache that pipelines hand on is used with a tool that was installed anew.
    """
    digest = blake2b(digest_size=16)
    for folder in package.__path__:
        for place, folders, names in os.walk(folder, onerror=_raise):
            folders.sort()
            for name in sorted(names):
                if name.endswith(".py"):
                    content = read_bytes(os.path.join(place, name))  # noqa: PTH118 - each plan reads all of them
                    digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogatepass") + content)
    digest.update(read_bytes(_BASE))
    return digest.hexdigest()


def _raise(error: OSError) -> None:
    raise error


def deciding(targets: Iterable[str], kinds: Iterable[str]) -> tuple[str, ...]:
    """What decides besides its own content whether a manifest is good: which targets and kinds there are, and what kinds are."""
    try:
        same = stamp()
    except OSError:
        same = uuid.uuid4().hex  # nothing is known to be as it was
    return (*sorted(targets), *sorted(kinds), same)


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
