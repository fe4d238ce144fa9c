"""Small helpers for the checks of kinds: repeated values, unknown names, manifests that are referred to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from reconciler.core.kind import Finding, Lookup


def repeated(values: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Find values that occurred before: yields index, index of the first occurrence, value."""
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        seen = first.setdefault(value, index)
        if seen != index:
            yield index, seen, value


def suggestion(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Say which known name was probably meant; all of them when none is near and there are few."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if otherwise:
        return otherwise
    if 0 < len(names) <= 12:
        return f"there are: {', '.join(names)}"
    return ""


def unknown_names(
    path: Sequence[str | int], names: Iterable[str], known: Iterable[str], what: str
) -> Iterator[Finding]:
    """One finding for each item of a list at ``path`` that is not a known name; ``what`` says where it is missing."""
    there = sorted(known)
    for index, name in enumerate(names):
        if name not in there:
            yield Finding((*path, index), f"{name!r} is not {what}", suggestion(name, there))


def find(lookup: Lookup, value: str | None, *kinds: str) -> Any | None:
    """The spec of a manifest that is referred to as ``name`` or ``Kind/name``; None where there is no valid one.

    That a reference leads nowhere is the loader's finding: checks that depend on it just stay silent.
    """
    if not value:
        return None
    keys = [value] if "/" in value else [f"{kind}/{value}" for kind in kinds]
    return next((spec for key in keys if (spec := lookup(key)) is not None), None)
