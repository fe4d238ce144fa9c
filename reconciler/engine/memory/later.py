"""What manifests mean, decoded only when somebody asks for more than whether it is the same as before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.core.resource import Desired, Key
from reconciler.loading.manifest import Bound

Decoded = tuple[tuple[Desired, ...], Mapping[Key, tuple[Key, ...]]]


class LaterBound(Bound):
    """Valid manifests whose resources and edges are there when they are asked for; there are no fragments and no jobs."""

    __slots__ = ("_decode",)

    _decode: Callable[[], Decoded]

    @classmethod
    def of(cls, digest: str, decode: Callable[[], Decoded]) -> LaterBound:
        """With what ``decode`` gives, which is called once at most."""
        found = object.__new__(cls)
        parts = {
            "fragments": (),
            "jobs": (),
            "diagnostics": (),
            "digest": digest,
            "unsound": frozenset(),
            "_decode": decode,
        }
        for name, value in parts.items():
            object.__setattr__(found, name, value)
        return found

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet."""
        if name not in ("desired", "edges"):
            raise AttributeError(name)
        desired, edges = self._decode()
        object.__setattr__(self, "desired", desired)
        object.__setattr__(self, "edges", edges)
        return getattr(self, name)
