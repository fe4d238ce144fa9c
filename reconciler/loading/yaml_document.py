"""A document: the plain value of one YAML document, which knows where each of its parts was written."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.core.diagnostic import Mark, PathParts
from reconciler.loading.yaml_source import Source
from reconciler.loading.yaml_tree import Offsets, locate

_LARGE: Final = 1000
"""How many positions a document has for it to be worth remembering where its parts are."""


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as plain JSON values.

    ``file`` is the path relative to the project with forward slashes, ``index`` the document's place in the file (from 0,
    empty documents counted), ``value`` a tree of its own: nothing in it is shared, even where aliases were written. It is
    not to be changed, since places are found by walking it. ``repr`` leaves the value out: it may hold a secret that
    validation has yet to refuse.
    """

    file: str
    index: int
    value: dict[str, Any] | Any = field(repr=False)
    positions: array[int] = field(repr=False, compare=False)
    source: Source = field(repr=False, compare=False)
    offsets: Offsets = field(default_factory=dict, repr=False, compare=False)

    def mark(self, path: PathParts, *, key: bool = False) -> Mark:
        """Where the value at a path was written, or its key; the nearest enclosing value's where the path does not exist.

        For an alias this is the place of the alias, for what is inside it the place behind the anchor.
        """
        index, key_index, exists = self._locate(path)
        where = self.positions[key_index if key and exists and key_index is not None else index]
        return self.source.place(where if where >= 0 else ~where)

    def literal(self, path: PathParts) -> bool:
        """Whether the value stands at its place itself, instead of coming through an alias or a merge key."""
        return self.positions[self._locate(path)[0]] >= 0

    def _locate(self, path: PathParts) -> tuple[int, int | None, bool]:
        return locate(self.value, path, self.offsets if len(self.positions) > _LARGE else None)

    def excerpt(self, mark: Mark) -> str:
        """The source line of a mark with a caret below it."""
        return self.source.excerpt(mark)
