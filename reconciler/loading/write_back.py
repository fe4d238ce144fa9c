"""From what is live back to the source: which value of which document would have to say it, where one value can.

A value is only touched where it stands literally in the manifest that declares it. What comes through a variable, an alias, a
patch, or out of a secret store is somebody else's to change, and is refused with that reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import PathParts
from reconciler.core.kind import Kind
from reconciler.core.resource import Desired
from reconciler.core.sameness import same
from reconciler.core.shorten import shorten
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret
from reconciler.loading.edit_text import END, Edit, Uneditable
from reconciler.loading.located import Located, Patched
from reconciler.loading.locating import Locator

_EXPRESSION: Final = re.compile(r"\$\{[^}]*\}")

Refer = Callable[[str], str]
"""Gives ``Kind/name`` for the id of a live resource that a manifest declares; empty for any other id."""


@dataclass(frozen=True, slots=True)
class Place:
    """A document: its file, relative to the project, and its number inside it from 0."""

    file: str
    index: int


def edits_for(
    desired: Desired, kind: Kind, field: FieldChange, others: Sequence[FieldChange], refer: Refer
) -> tuple[Place, tuple[Edit, ...]]:
    """The edits after which a manifest declares what is live in one field. Raises `Uneditable` with the reason.

    ``others`` are all fields of the resource that are written back: an item in short form is spelled out with all of them.
    """
    locate = desired.locate
    if not isinstance(locate, Locator):
        raise Uneditable("no manifest declares it")
    value = _live_value(field, kind)
    if any(reference.wire_field == field.path[0] for reference in kind.references):
        value = refer(value) if isinstance(value, str) else ""
        if not value:
            raise Uneditable("it refers to a live resource that no manifest declares")
        source, path = locate.origin(field.path[:1])
    else:
        source, path = locate.origin(field.path)
    document = _literal(source, path)
    held, known = _walk(document.value, path)
    return Place(document.file, document.index), tuple(_edits(desired, kind, field, others, path, held, known, value))


def _edits(
    desired: Desired,
    kind: Kind,
    field: FieldChange,
    others: Sequence[FieldChange],
    path: PathParts,
    held: Any,
    known: int,
    value: Any,
) -> Iterator[Edit]:
    """The edits at a path of which the first ``known`` parts lead to ``held``, the innermost value that is there."""
    wire = field.path
    missing = len(path) - known
    if not missing and len(wire) > 1 and len(path) == 2 and isinstance(held, list) and wire[0] in kind.keyed_lists:
        if len(wire) > 2 or value is ABSENT:
            raise Uneditable("the list that it belongs to is not written out there")
        yield Edit((*path, END), _brief(kind, wire, value))
    elif not missing and isinstance(held, list) and isinstance(value, list):
        yield from _list_edits(path, held, value, unordered=".".join(wire) in kind.sets)
    elif not missing or (missing == 1 and isinstance(held, dict) and value is not ABSENT):
        yield Edit(path, _brief(kind, wire, value))
    elif missing == 1 and not isinstance(held, (dict, list)):
        # A short form stands there: the whole item is spelled out, as it is live.
        yield Edit(path[:known], _whole_item(desired, kind, wire[:-1], others))
    else:
        raise Uneditable("what holds it is not written out there")


def _live_value(field: FieldChange, kind: Kind) -> Any:
    """The live value, where git can say it."""
    if field.secret or isinstance(field.desired, Secret) or _masked(field.live):
        raise Uneditable("it is a secret, and what is live cannot be read")
    if isinstance(field.live, Bundle) or (kind.bundle is not None and field.path[0] == kind.bundle.field):
        raise Uneditable("it is code: change the files that it is built from")
    return ABSENT if field.live is None else field.live


def _masked(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_masked, value.values()))
    return any(map(_masked, value)) if isinstance(value, list) else value is MASKED


def _literal(source: Located, path: PathParts) -> Located:
    """The document itself, if the value at a path is written out in it; raises `Uneditable`."""
    if isinstance(source, Patched):
        if source.patched(path):
            raise Uneditable(f"its value comes from the patch {source.mark(path).file}")
        source = source.base
    node = source.value
    for number, part in enumerate(path):
        if isinstance(node, str):
            break
        literal = getattr(source, "literal", None)
        if literal is not None and not literal(path[:number]):
            raise Uneditable("it comes through an alias")
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return source
    if isinstance(node, str) and (found := _EXPRESSION.findall(node.replace("$${", ""))):
        raise Uneditable(f"its value comes through {' and '.join(dict.fromkeys(found))}")
    literal = getattr(source, "literal", None)
    if literal is not None and not literal(path):
        raise Uneditable("it comes through an alias")
    return source


def _walk(value: Any, path: PathParts) -> tuple[Any, int]:
    """The innermost value on a path that is there, and how many parts lead to it."""
    for number, part in enumerate(path):
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return value, number
    return value, len(path)


def _whole_item(desired: Desired, kind: Kind, wire: PathParts, fields: Sequence[FieldChange]) -> Any:
    """An item of a collection as it is declared, with the fields that are written back as they are live."""
    item, known = _walk(desired.fields, wire)
    if known != len(wire) or not isinstance(item, dict):
        raise Uneditable("what holds it is not written out there")
    live = {field.path[-1]: _live_value(field, kind) for field in fields if field.path[:-1] == wire}
    return _brief(kind, wire, {key: value for key, value in {**item, **live}.items() if value is not ABSENT})


def _brief(kind: Kind, wire: PathParts, value: Any) -> Any:
    """An item of a collection without what the server puts back by itself; any other value as it is."""
    if not isinstance(value, dict) or len(wire) != 2:
        return value
    field, name = str(wire[0]), wire[1]
    shortened = shorten(kind, {field: [value] if field in kind.keyed_lists else {name: value}})[field]
    return next(iter(shortened)) if isinstance(shortened, list) else shortened[name]


def _list_edits(path: PathParts, old: list[Any], new: list[Any], *, unordered: bool) -> Iterator[Edit]:
    """Edits that turn one list into another: one after the other, each by the index that it then has."""
    if unordered:
        gone = [number for number, item in enumerate(old) if not any(same(item, other) for other in new)]
        added = [item for item in new if not any(same(item, other) for other in old)]
    else:
        for number, (before, after) in enumerate(zip(old, new, strict=False)):
            if not same(before, after):
                yield Edit((*path, number), after)
        gone, added = list(range(len(new), len(old))), new[len(old) :]
    for item in added:
        yield Edit((*path, END), item)
    for number in reversed(gone):
        yield Edit((*path, number), ABSENT)
