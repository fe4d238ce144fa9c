"""Where each value of a document was written: one flat list of positions, found by walking the value.

The list follows the value in preorder. Every value has one position; in front of each value of a map stands the position of
its key. Positions count characters from the start of the file; a value that came through an alias or a merge key has the
complement (``~position``, negative), so that one integer says both where it is and that it is not written there itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler.core.diagnostic import PathParts

Offsets = dict[int, dict[str | int, tuple[int, Any]]]
"""By the identity of a map or list: each of its children, and how far the child's index is from its own."""


def span(value: Any) -> int:
    """How many positions a value takes."""
    if value.__class__ is dict:
        return 1 + sum(1 + span(item) for item in value.values())
    if value.__class__ is list:
        return 1 + sum(span(item) for item in value)
    return 1


def locate(value: Any, path: PathParts, offsets: Offsets | None = None) -> tuple[int, int | None, bool]:
    """Find a path: the index of its value, of its key (None for an item or the root), and whether the whole path exists.

    Where it does not exist, the indexes are those of the nearest enclosing value that does. ``offsets`` keeps what was
    counted, so that a large document full of mistakes is not counted through once for each of them; it is good for one
    document, which must not change meanwhile.
    """
    index, key_index = 0, None
    for part in path:
        step = _step(value, part) if offsets is None else _kept_step(value, part, offsets)
        if step is None:
            return index, key_index, False
        offset, value = step
        has_key = isinstance(part, str)
        key_index = index + offset - 1 if has_key else None
        index += offset
    return index, key_index, True


def _step(value: Any, part: str | int) -> tuple[int, Any] | None:
    """From a value to a child: how far its index is from the parent's, and the child."""
    if isinstance(part, str) and value.__class__ is dict and part in value:
        offset = 1
        for key, item in value.items():
            if key == part:
                return offset + 1, item
            offset += 1 + span(item)
    if isinstance(part, int) and value.__class__ is list and 0 <= part < len(value):
        return 1 + sum(span(item) for item in value[:part]), value[part]
    return None


def _kept_step(value: Any, part: str | int, offsets: Offsets) -> tuple[int, Any] | None:
    """As `_step`, with the offsets of all children kept for the next time."""
    known = offsets.get(id(value))
    if known is None:
        known = offsets[id(value)] = _children(value)
    return known.get(part)


def _children(value: Any) -> dict[str | int, tuple[int, Any]]:
    keys = value.__class__ is dict
    items = value.items() if keys else enumerate(value) if value.__class__ is list else ()
    found: dict[str | int, tuple[int, Any]] = {}
    offset = 1
    for part, item in items:
        found[part] = (offset + keys, item)
        offset += keys + span(item)
    return found


def paths(value: Any, prefix: PathParts = ()) -> Iterator[PathParts]:
    """The path of every entry of the flat list, in its order; a key and its value share one."""
    yield prefix
    if value.__class__ is dict:
        for key, item in value.items():
            yield (*prefix, key)
            yield from paths(item, (*prefix, key))
    elif value.__class__ is list:
        for number, item in enumerate(value):
            yield from paths(item, (*prefix, number))


def path_at(value: Any, positions: Sequence[int], position: int) -> PathParts:
    """The path of the value or key that was written at a position; the root's where there is none."""
    found: PathParts = ()
    for path, where in zip(paths(value), positions, strict=True):
        # A map begins where its first key does, and the key comes later; but what is borrowed comes after its original.
        if where == position or (where == ~position and not found):
            found = path
    return found


def borrowed(positions: Sequence[int]) -> list[int]:
    """The same positions, as those of values that came from somewhere else."""
    return [where if where < 0 else ~where for where in positions]
