"""Values that stand in a desired, live or applied resource: JSON, and the few typed leaves that JSON cannot say.

A *tree* is a dict of JSON values in which a leaf may also be a `Secret`, an `Unknown`, a `Bundle` or `MASKED`. Trees are
turned into plain JSON for plans, ledgers and journals by `reconciler.core.codec`, and into request bodies by
`reconciler.core.wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NoReturn

Tree = dict[str, Any]

PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""The types of leaves that are JSON already."""


class _Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


class _Masked(Enum):
    """The type of `MASKED`."""

    MASKED = "masked"

    def __repr__(self) -> str:
        return "MASKED"


ABSENT: Final = _Absent.ABSENT
"""No value at all, which is not the same as an explicit null."""

MASKED: Final = _Masked.MASKED
"""A live secret: it is set, and the API does not say to what."""


class Secret:
    """A secret: where it comes from, and, where its provider was in reach, what it is.

    It never shows its value: not in ``repr``, ``str`` or ``format``, and it refuses to be pickled. ``reveal`` is for the
    code that writes a request body, and for nothing else. ``fingerprint`` is set when only that is known (read from a
    ledger or a plan).
    """

    __slots__ = ("_value", "fingerprint", "reference")

    def __init__(self, reference: str, value: str | None = None, fingerprint: str = "") -> None:
        self.reference = reference
        self.fingerprint = fingerprint
        self._value = value

    @property
    def resolved(self) -> bool:
        """Whether the value itself is known here."""
        return self._value is not None

    def reveal(self) -> str:
        """Return the value; raises `ValueError` where it is not known."""
        if self._value is None:
            raise ValueError(f"the secret {self.reference} is not resolved")
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self.reference, self._value, self.fingerprint) == (other.reference, other._value, other.fingerprint)

    def __hash__(self) -> int:
        return hash((self.reference, self.fingerprint))

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __str__(self) -> str:
        return "(secret)"

    def __format__(self, spec: str) -> str:
        return format("(secret)", spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A live field of another resource: ``kind/name`` and the field's name; known once that resource exists."""

    kind: str
    name: str
    field: str

    def __str__(self) -> str:
        return f"${{ref:{self.kind}/{self.name}.{self.field}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A string with `Unknown` parts inside: ``https://host/${ref:DataAction/x.id}``."""

    parts: tuple[str | Unknown, ...]

    def __str__(self) -> str:
        return "".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A code bundle, named by the SHA-256 (hex) of its reproducible zip; ``files`` maps names inside to their SHA-256.

    ``path`` and ``exclude`` say where it is built from (relative to the project); a live bundle knows only its digest.
    ``size`` is the zip's, in bytes.
    """

    sha256: str
    files: Mapping[str, str] = field(default_factory=dict, compare=False)
    path: str = field(default="", compare=False)
    exclude: tuple[str, ...] = field(default=(), compare=False)
    size: int = field(default=0, compare=False)

    def __hash__(self) -> int:
        return hash(self.sha256)


def with_changed(value: Any, function: Callable[[Any], Any]) -> Any:
    """A map or list with what a function makes of its items; the very same object where that changes none.

    Plain items are not asked about: nearly all are, and a call for each of hundreds of thousands is worth avoiding.
    """
    copy: Any = None
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if item.__class__ in PLAIN:
            continue
        new = function(item)
        if new is not item:
            if copy is None:
                copy = value.copy()
            copy[key] = new
    return value if copy is None else copy


def with_leaves(value: Any, replaced: Callable[[Any], Any]) -> Any:
    """A value in which every typed leaf is what ``replaced`` makes of it; the very same object where that changes none."""

    def walk(item: Any) -> Any:
        return with_changed(item, walk) if isinstance(item, (dict, list)) else replaced(item)

    return value if value.__class__ in PLAIN else walk(value)


def unknowns(value: Any) -> list[Unknown]:
    """All references to live fields that stand anywhere in a tree, in document order."""
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, Template):
        return [part for part in value.parts if isinstance(part, Unknown)]
    found: list[Unknown] = []
    if isinstance(value, dict):
        for item in value.values():
            found += unknowns(item)
    elif isinstance(value, list):
        for item in value:
            found += unknowns(item)
    return found
