"""The shape of a kind's description: what one file in ``kinds/`` says about one resource kind of the tenant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Doc, Integer, Member, Record, Text

SECRET_MASK = "********"  # noqa: S105
"""What stands for a write-only value when it is read back."""

MAX_COUNTER = 2**53

COMMON_SERVER_FIELDS = ("id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy")
"""Server-owned fields that every kind has (contract: Resources)."""

NAME = Text(
    1,
    128,
    r"[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*",
    "must hold more than spaces, and no control characters",
)
"""The live name of most kinds."""

COUNTER = Integer(0, MAX_COUNTER)
"""A server-owned count, which only the emulator's own controls may set."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes kept beside a document and never read back. ``data`` is None when they are the stored ones."""

    sha256: str
    size: int
    data: bytes | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, data: bytes) -> Blob:
        """Make the blob of some bytes."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), data)


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a kind's ``sample`` is given to make up one resource.

    ``random`` is seeded for this resource alone; ``ids`` are those of the resources of other kinds.
    """

    random: Random
    index: int
    ids: Mapping[str, Sequence[str]]


def _no_problems(_doc: Doc) -> list[Problem]:
    return []


def _no_masked_problems(_doc: Doc, _stored: Doc | None) -> list[Problem]:
    return []


def _allow_create(_doc: Doc) -> None:
    return None


def _allow_update(_old: Doc, _new: Doc, _counters: Doc) -> None:
    return None


def _allow_delete(_counters: Doc, *, force: bool) -> None:
    del force


def _no_counters(_sampling: Sampling, _doc: Doc) -> Doc:
    return {}


def _as_is(doc: Doc) -> Doc:
    return doc


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One resource kind as the contract's Resources section reads.

    Documents are the writable fields in normal form, write-only ones included. ``check`` and ``restore_masked``
    give problems (400); the ``guard_*`` functions raise ApiError for what the resource's present state forbids.
    """

    name: str
    id_prefix: str
    collection: str
    read_scopes: frozenset[str]
    """Any one of these lets read."""
    write_scopes: frozenset[str]
    record: Record
    counters: Mapping[str, int] = field(default_factory=dict)
    """Server-owned numbers with their first values."""
    derived: tuple[str, ...] = ()
    """Further server-owned fields, which ``present`` computes from the document."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Field that holds an id → kind of the resource that must exist."""
    versioned: bool = False
    """Whether ``version`` is accepted for the ETag, and a mismatch is a 409 (contract: connectors)."""
    blob_field: str | None = None
    populated_field: str | None = None
    """The counter that says that the resource holds records."""
    check: Callable[[Doc], list[Problem]] = _no_problems
    restore_masked: Callable[[Doc, Doc | None], list[Problem]] = _no_masked_problems
    """Puts stored secrets where a body holds the mask: (document, stored one) → problems."""
    guard_create: Callable[[Doc], None] = _allow_create
    guard_update: Callable[[Doc, Doc, Doc], None] = _allow_update
    """(old document, new document, counters)."""
    guard_delete: Callable[..., None] = _allow_delete
    """(counters, force=bool)."""
    present: Callable[[Doc], Doc] = _as_is
    """The document as it is read back: secrets masked, derived fields added."""
    views: Mapping[str, Callable[[Doc], Doc]] = field(default_factory=dict)
    """Read-only sub-resources: last path segment → what it answers."""
    sample: Callable[[Sampling], Doc]
    """Makes up a realistic document in normal form."""
    sample_counters: Callable[[Sampling, Doc], Doc] = _no_counters
    """Makes up counters to go with a sampled document."""
    share: int
    """How much of a seeded tenant is of this kind, relative to the other kinds."""

    @property
    def server_fields(self) -> frozenset[str]:
        """Fields that may be sent and are ignored."""
        return frozenset((*COMMON_SERVER_FIELDS, *self.counters, *self.derived))

    @property
    def body(self) -> Record:
        """The record that a create is checked by: the writable fields, with server-owned ones ignored."""
        return Record(self.record.members, self.server_fields)


DESCRIPTION = Member(Text(0, 4096), default=str, description="free text")
"""The description field that every kind has."""
