"""What binding needs to know of a document, whoever read it: its value, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from reconciler.core.diagnostic import Mark, PathParts


class Located(Protocol):
    """One YAML document: its JSON-like value, and where each part of it stands.

    ``file`` is relative to the project, ``index`` counts the documents of that file from 0. ``mark`` gives the place of a
    value (of its key with ``key``), or of the nearest enclosing value where the path leads to nothing. ``excerpt`` is the
    source line of a mark with a caret below it.
    """

    @property
    def file(self) -> str:
        """The file's path, relative to the project."""
        ...

    @property
    def index(self) -> int:
        """The document's number inside its file, from 0."""
        ...

    @property
    def value(self) -> Any:
        """The document as dicts, lists and scalars."""
        ...

    def mark(self, path: PathParts, *, key: bool = False) -> Mark:
        """The place of the value at a path, or of its key."""
        ...

    def excerpt(self, mark: Mark) -> str:
        """The source line of a mark, and a caret below it."""
        ...


class Patched:
    """A document with merge patches applied: values that came from a patch are located in the patch's file.

    ``patches`` are those documents in the order of their application; the last one that holds a path has given its value.
    """

    __slots__ = ("_base", "_patches", "value")

    def __init__(self, base: Located, patches: tuple[Located, ...], value: Any) -> None:
        self._base = base
        self._patches = patches
        self.value = value

    @property
    def base(self) -> Located:
        """The manifest itself, without its patches."""
        return self._base

    @property
    def file(self) -> str:
        """The file of the manifest itself."""
        return self._base.file

    @property
    def index(self) -> int:
        """The number of the manifest itself inside its file."""
        return self._base.index

    def mark(self, path: PathParts, *, key: bool = False) -> Mark:
        """The place of a value: in the newest patch that sets it, else in the manifest."""
        for patch in reversed(self._patches):
            if _sets(patch.value, path, self._base.value):
                return patch.mark(path, key=key)
        return self._base.mark(path, key=key)

    def patched(self, path: PathParts) -> bool:
        """Whether a patch has given the value at a path, or a part of it."""
        return any(_sets(patch.value, path, self._base.value) or _inside(patch.value, path) for patch in self._patches)

    def excerpt(self, mark: Mark) -> str:
        """The source line of a mark, from whichever file it is in."""
        for source in (self._base, *self._patches):
            if source.file == mark.file:
                return source.excerpt(mark)
        return ""


def _sets(patch: Any, path: PathParts, base: Any) -> bool:
    """Whether a merge patch gives the value at a path, and does not just merge into a map that is there anyway."""
    node = patch
    for part in path:
        if not isinstance(node, Mapping):
            return True
        if part not in node:
            return False
        node = node[part]
        base = base.get(part) if isinstance(base, Mapping) else None
    return node is not None and not (isinstance(node, Mapping) and isinstance(base, Mapping))


def _inside(patch: Any, path: PathParts) -> bool:
    """Whether a merge patch names a path, or anything below it."""
    node = patch
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True
