"""What a kind is, as plain data: everything that comparing, planning, sending and documenting need to know of it.

Paths are dotted, inside the wire form of the resource; ``*`` stands for any key of a map or any item of a list:
``authentication.credentials.*``, ``columns.*.maxLength``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

KindClass = Literal["resource", "fragment", "job"]


@dataclass(frozen=True, slots=True)
class Wire:
    """How the API serves a kind. A target may override any part (contract: Per-target overrides).

    ``collection`` and ``item`` are paths (``{collection}`` and ``{id}`` are filled in), ``items_key`` the key of the array in
    a listing, ``envelope`` the key that wraps a single resource (empty: none), ``deactivate`` the patch that stands for a
    delete where the API has none. ``version_field`` is the resource's own version, usable as a precondition.
    ``stale_codes`` are the codes of a 409 that mean a failed precondition. Scopes: reading and writing.
    """

    collection: str
    read_scopes: tuple[str, ...]
    write_scopes: tuple[str, ...]
    item: str = "{collection}/{id}"
    items_key: str = "items"
    envelope: str = ""
    update: Literal["PATCH", "PUT"] = "PATCH"
    deactivate: Mapping[str, Any] | None = None
    delete_query: Mapping[str, str] = field(default_factory=dict)
    version_field: str = ""
    stale_codes: frozenset[str] = frozenset({"VERSION_CONFLICT"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A spec field that names another manifest: ``spec_field: actionRef`` of kind ``DataAction``.

    On the wire it becomes ``wire_field``, holding the live ``target_field`` of what it names. An empty ``wire_field`` is a
    reference that only orders and validates (job kinds, ``validateAgainst``). ``kinds`` lists what it may point to.
    """

    spec_field: str
    kinds: tuple[str, ...]
    wire_field: str = ""
    target_field: str = "id"


@dataclass(frozen=True, slots=True)
class Fragments:
    """A spec field that lists fragments whose items are appended to a list of the resource: ``mappingRefs`` → ``mappings``."""

    spec_field: str
    kind: str
    source_field: str
    wire_field: str


@dataclass(frozen=True, slots=True)
class SecretMap:
    """A map whose values may be secret: ``path`` names it.

    With ``plain`` set, those keys are readable and every other is a secret. With ``plain`` None the value's type decides, and
    a secret one is wrapped on the wire as ``{"value": …, "secret": true}``. ``mask`` is how the API reads a secret back.
    """

    path: str
    plain: frozenset[str] | None
    mask: str = "********"


@dataclass(frozen=True, slots=True)
class BundleField:
    """A field that holds a code bundle: declared as a path, sent as base64 of a zip, read back as a SHA-256."""

    field: str
    digest_field: str


@dataclass(frozen=True, slots=True)
class LifecycleField:
    """A status that is moved step by step: what a resource is created with, and which moves the API knows.

    ``with_fields`` are sent along with a move (the connector's ``version``).
    """

    field: str
    initial: str
    moves: Mapping[str, frozenset[str]]
    with_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field that is a table's schema: where the columns are, and what locks it.

    ``columns`` is a map by name or a list keyed by ``name``; ``primary_key`` names the field that holds the key column
    (empty: none); ``count`` is the volatile field with the number of records: above 0 breaking changes are refused.
    ``forced_delete`` is the query without which the API does not delete one that holds records.
    """

    columns: str
    count: str
    primary_key: str = ""
    forced_delete: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a kind's own check found: where inside ``spec``, what is wrong, what to write instead."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"


Lookup = Callable[[str], Any | None]
"""Finds the validated spec (the kind's model) of a manifest by ``Kind/name``; None where there is no valid one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of manifest.

    ``spec`` is its pydantic model. ``read_only`` are server-owned fields, ``volatile`` those of them that change by
    themselves, ``immutable`` what only a create may set, ``required`` wire fields that cannot be unset, ``defaults`` what the
    server fills in (an explicit null means the default). ``keyed_lists`` maps a list's path to the item fields that may be
    its key (the first that all items have), ``sets`` are lists without order, ``whole`` maps that are owned whole.
    ``normalisers`` maps paths to names in `reconciler.core.normalise`. ``referable`` are live fields that ``${ref:…}`` may name.
    ``spec_only`` are spec fields that never reach the wire (an action's tests); ``secret_fields`` are dotted paths inside
    ``spec`` that hold one secret each, written as a reference. ``json_files`` are dotted paths inside ``spec`` where a string
    is the path of a JSON file of the project, whose content stands in its place before the spec is validated. ``check`` is the
    kind's own validation beyond its model: ``check(spec, lookup) -> [Finding]``.
    """

    name: str
    kind_class: KindClass
    spec: type[Any]
    summary: str
    wire: Wire | None = None
    read_only: frozenset[str] = frozenset()
    volatile: frozenset[str] = frozenset()
    immutable: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset({"name"})
    defaults: Mapping[str, Any] = field(default_factory=dict)
    keyed_lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    normalisers: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    fragments: tuple[Fragments, ...] = ()
    referable: frozenset[str] = frozenset({"id"})
    secret_maps: tuple[SecretMap, ...] = ()
    secret_fields: frozenset[str] = frozenset()
    spec_only: frozenset[str] = frozenset()
    json_files: frozenset[str] = frozenset()
    bundle: BundleField | None = None
    lifecycle: LifecycleField | None = None
    table: SchemaField | None = None
    check: Callable[[Any, Lookup], list[Finding]] | None = None


Kinds = Mapping[str, Kind]
"""A registry: kinds by name."""
