"""The account of one export: what was written, what is left to provide, and what no manifest can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.declare import Placeholder
from reconciler.core.resource import Key


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A live resource, or one ``field`` of it, that no manifest can say: which one, and why."""

    kind: str
    name: str
    id: str
    reason: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """One export.

    ``counts`` are manifests by kind, ``files`` those that hold them, relative to the project. ``along`` are the resources that
    nobody selected and that selected ones refer to, by live name. ``declared`` counts the selected ones that had a manifest
    before. ``secrets`` and ``code`` are to be provided. ``literal_ids`` are fields in which an id stays as it is, since a reference in
    its place would close a circle, or no manifest has that id, or two have. ``adopted`` is whether the ledger knows the resources
    now; ``dry_run`` that nothing was written.
    """

    target: str
    folder: str
    counts: Mapping[str, int]
    files: tuple[str, ...]
    secrets: tuple[Placeholder, ...] = ()
    code: tuple[Key, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    along: tuple[Key, ...] = ()
    declared: int = 0
    adopted: bool = False
    dry_run: bool = False
    secrets_file: str = field(default="")
    literal_ids: tuple[tuple[Key, str], ...] = ()

    @property
    def manifests(self) -> int:
        """How many manifests there are in all."""
        return sum(self.counts.values())

    @property
    def missing(self) -> tuple[LeftOut, ...]:
        """The resources that are not exported at all."""
        return tuple(item for item in self.left_out if not item.field)

    @property
    def partial(self) -> bool:
        """Whether a selected resource is not among the manifests."""
        return bool(self.missing)


def exported_to_json(made: Exported) -> dict[str, Any]:
    """The account as JSON."""
    return {
        "format_version": 1,
        "target": made.target,
        "folder": made.folder,
        "dryRun": made.dry_run,
        "adopted": made.adopted,
        "manifests": dict(made.counts),
        "files": list(made.files),
        "declared": made.declared,
        "along": [str(key) for key in made.along],
        "secrets": [{"variable": item.variable, "key": str(item.key), "path": item.path} for item in made.secrets],
        "code": [str(key) for key in made.code],
        "literalIds": [{"key": str(key), "path": path} for key, path in made.literal_ids],
        "leftOut": [
            {"kind": item.kind, "name": item.name, "id": item.id, "reason": item.reason}
            | ({"field": item.field} if item.field else {})
            for item in made.left_out
        ],
    }
