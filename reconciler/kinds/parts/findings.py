"""Small helpers for the checks of kinds: repeated values, unknown names, manifests that are referred to.

A check also runs on specs that are valid in part only (`reconciler.core.partial`). It is made of questions that stand alone, so
that one which needs a part that is not valid takes none of the others with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from reconciler.core.kind import Finding, Lookup
from reconciler.core.partial import HOLE, Unvalidated

T = TypeVar("T")


def gathered(*questions: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """The findings of questions that stand alone; each ends where it needs a part of the spec that is not valid."""
    found: list[Finding] = []
    for question in questions:
        try:  # asked of every manifest several times: `suppress` would cost more than the question
            for finding in question():  # one by one, so that what was found before the end is kept
                found.append(finding)  # noqa: PERF402
        except Unvalidated:
            pass
    return found


def each(items: Iterable[T], question: Callable[[int, T], Iterable[Finding]]) -> Iterator[Finding]:
    """Ask the same of every item and its index; an item of which too little is valid is left out."""
    for index, item in enumerate(items):
        try:  # noqa: SIM105 - see `gathered`
            yield from question(index, item)
        except Unvalidated:
            pass


def attributes(items: Iterable[Any], name: str) -> list[Any]:
    """One attribute of every item, with a hole where it is not valid."""
    values = []
    for item in items:
        try:
            values.append(getattr(item, name))
        except Unvalidated:
            values.append(HOLE)
    return values


def repeated(values: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Find values that occurred before: yields index, index of the first occurrence, value. Holes are like nothing else."""
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        try:
            seen = first.setdefault(value, index)
        except Unvalidated:
            continue
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

    def unknown(index: int, name: str) -> Iterator[Finding]:
        if name not in there:
            yield Finding((*path, index), f"{name!r} is not {what}", suggestion(name, there))

    yield from each(names, unknown)


def find(lookup: Lookup, value: str | None, *kinds: str) -> Any | None:
    """The spec of a manifest that is referred to as ``name`` or ``Kind/name``; None where there is no valid one.

    That a reference leads nowhere is the loader's finding: checks that depend on it just stay silent.
    """
    if not value:
        return None
    keys = [value] if "/" in value else [f"{kind}/{value}" for kind in kinds]
    return next((spec for key in keys if (spec := lookup(key)) is not None), None)
