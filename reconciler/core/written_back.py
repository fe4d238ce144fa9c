"""What became of writing drift back into the manifests: which fields git now says as they are live, and which it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.resource import Key


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One drifted field: written back, or left with the ``reason``. ``field`` is None for a resource that is gone.

    Items are told apart by identity: their values need not be hashable.
    """

    key: Key
    field: FieldChange | None
    mark: Mark | None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The item for the JSON document."""
        found: dict[str, Any] = {"key": str(self.key), "path": self.field.label if self.field else ""}
        if self.mark is not None:
            found |= {"file": self.mark.file, "line": self.mark.line}
        return {**found, "reason": self.reason} if self.reason else found


@dataclass(frozen=True, slots=True)
class WrittenBack:
    """What writing back came to: items ``written`` and ``left``, and the files that changed, relative to the project."""

    written: tuple[Item, ...] = ()
    left: tuple[Item, ...] = ()
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Both lists and the files for the JSON document."""
        return {
            "written": [item.to_json() for item in self.written],
            "left": [item.to_json() for item in self.left],
            "files": list(self.files),
        }
