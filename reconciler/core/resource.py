"""The three views of one resource: what git wants, what is live, and what was last applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.values import Tree


class Key(NamedTuple):
    """The project-wide name of a manifest: ``Kind/metadata.name``. A tuple, since keys are hashed and sorted in great numbers."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``Kind/name``; raises `ValueError` for anything else."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name) or "/" in name:
            raise ValueError(f"{text!r} is not of the form Kind/name")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """What the owner allows: ``protect`` forbids deleting, ``retain`` keeps the live resource when its manifest goes.

    ``ignore_changes`` are dotted wire paths that are sent on create only and never compared afterwards.
    """

    protect: bool = False
    retain: bool = False
    ignore_changes: tuple[str, ...] = ()


Locate = Callable[[PathParts], Mark | None]
"""Finds the source of a value by its path in the wire form; the nearest enclosing value where the exact one has none."""


def nowhere(path: PathParts) -> Mark | None:  # noqa: ARG001
    """A `Locate` for resources that no file declares."""
    return None


@dataclass(frozen=True, slots=True)
class Desired:
    """One validated resource manifest with variables resolved: what git wants to be live.

    ``fields`` is the wire form (normalised; references as `Unknown`, secrets as `Secret`, code as `Bundle`), including
    ``name``, the live name. ``dependencies`` are the resource keys it refers to, also through fragments. ``kept`` is what the
    manifest says and never leaves git (the kind's ``spec_only`` fields), with variables resolved.
    """

    key: Key
    fields: Tree
    lifecycle: Lifecycle = Lifecycle()
    dependencies: tuple[Key, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    moved_from: Key | None = None
    file: str = ""
    locate: Locate = field(default=nowhere, compare=False)
    kept: Mapping[str, Any] = field(default_factory=dict, compare=False)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def live_name(self) -> str:
        """The resource's name in the tenant."""
        return str(self.fields["name"])


@dataclass(frozen=True, slots=True)
class Observed:
    """One live resource as the API gave it: ``body`` is raw JSON in wire form, ``etag`` unquoted or empty."""

    kind: str
    id: str
    body: Mapping[str, Any]
    etag: str = ""

    @property
    def name(self) -> str:
        """The live name."""
        return str(self.body.get("name", ""))

    @property
    def modified_by(self) -> str:
        """Who wrote it last, where the API says so."""
        return str(self.body.get("lastModifiedBy") or "")

    @property
    def modified_time(self) -> str:
        """When it was written last (RFC 3339), where the API says so."""
        return str(self.body.get("lastModifiedTime") or "")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger remembers of one resource: the base of the three-way comparison and what must outlive its manifest.

    ``fields`` is the tree that was last applied (secrets and bundles as digests), ``dependencies`` the edges that deletes
    follow backwards. ``etag`` is the ETag under which the tenant was seen to hold exactly these fields; empty where it was not.
    """

    key: Key
    id: str
    fields: Tree
    dependencies: tuple[Key, ...] = ()
    protect: bool = False
    retain: bool = False
    etag: str = ""

    @property
    def live_name(self) -> str:
        """The name under which it was last applied."""
        return str(self.fields.get("name", self.key.name))


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that one stack last applied to one target.

    ``serial`` grows by one with each write; ``salt`` (hex) belongs to the secret fingerprints; ``lost`` is true when there
    was none to read, so that live resources are adopted by name instead of refused. ``audit_head`` is the newest hash of the
    audit log's chain.
    """

    stack: str
    target: str
    entries: Mapping[Key, Entry] = field(default_factory=dict)
    serial: int = 0
    salt: str = ""
    lost: bool = False
    audit_head: str = ""


PinStyle = Literal["etag", "version", "compare", "absent"]


@dataclass(frozen=True, slots=True)
class Pin:
    """The state that a change saw when it was planned, and that its write is conditional on.

    ``value`` is the ETag or the version (empty for the other styles), ``digest`` the SHA-256 of the live fields, compared after a
    re-read where the API offers no real precondition. ``absent`` pins that nothing of that name exists.
    """

    style: PinStyle
    value: str = ""
    digest: str = ""

    @property
    def best_effort(self) -> bool:
        """Whether a race can slip between the comparison and the write."""
        return self.style in ("version", "compare")


NOTHING_THERE = Pin("absent")
"""The pin of a create: nothing of that name may exist."""
