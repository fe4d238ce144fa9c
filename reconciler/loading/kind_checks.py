"""What the checks of kinds are given, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from typing import Any

from reconciler.core.kind import Finding as KindFinding
from reconciler.core.kind import Lookup
from reconciler.core.partial import Unvalidated
from reconciler.loading.manifest import Manifest


class KnownSpecs:
    """Gives a kind's check the validated spec of a manifest by ``Kind/name``, and knows whether it was asked to.

    A check relies on the kind of what a field refers to, so that what has the wrong one (``misfits``) is kept from it.
    """

    __slots__ = ("_known", "_misfits", "asked")

    def __init__(self, known: Mapping[str, Manifest], misfits: Set[str]) -> None:
        self._known = known
        self._misfits = misfits
        self.asked = False

    def __call__(self, key: str) -> Any | None:
        """The spec of a manifest that is there and fits; None else."""
        self.asked = True
        found = self._known.get(key)
        return None if found is None or key in self._misfits else found.validated()


def found_by(
    check: Callable[[Any, Lookup], Iterable[KindFinding]], model: Any, lookup: Lookup
) -> Iterator[KindFinding]:
    """What a check finds, up to where it needs a part of a spec that is not valid."""
    with suppress(Unvalidated):
        yield from check(model, lookup)
