"""What a run is narrowed to when it is about the manifests that changed since a revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.difference import Difference
from reconciler.core.differing import dependents, users_of
from reconciler.core.resource import Key

NAMED: Final = 20
"""How many removed manifests a warning names."""


@dataclass(frozen=True, slots=True)
class Since:
    """The manifests that changed since a revision, and what depends on them.

    ``revision`` is how it was named, ``commit`` (hex) what it was compared with. ``keys`` are those that are declared now;
    ``removed`` the resources that are declared no more, which a narrowed run leaves alone. ``warnings`` say what could not be
    compared; such a manifest counts as changed.
    """

    revision: str
    commit: str
    keys: frozenset[Key]
    removed: tuple[Key, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The option, with the commit that it came to."""
        return f"--since {self.revision} ({self.commit[:12]})"

    @property
    def told(self) -> tuple[str, ...]:
        """What a reader of the plan has to know."""
        if not self.removed:
            return self.warnings
        named = ", ".join(map(str, self.removed[:NAMED]))
        more = f" and {len(self.removed) - NAMED} more" if len(self.removed) > NAMED else ""
        removed = f"removed since {self.revision}, and left alone by a narrowed run: {named}{more}"
        return (removed, *self.warnings)


def since_of(revision: str, found: Difference, edges: Mapping[Key, Iterable[Key]]) -> Since:
    """What follows for a run from the difference between a revision and now; ``edges`` are the references of now."""
    changed = {item.key for item in found.items if item.status != "removed"} | set(found.left_out)
    keys, _ = dependents(changed, users_of((edges,)))
    removed = tuple(item.key for item in found.items if item.status == "removed" and item.kind_class == "resource")
    return Since(revision, found.before.detail, frozenset(keys), removed, found.warnings)
