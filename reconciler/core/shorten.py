"""The shortest way to say what is live: what the server fills in by itself is left out, and comes back when it is read again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.normalise import NORMALISERS
from reconciler.core.values import Tree


def shorten(kind: Kind, spec: Tree) -> Tree:
    """A spec without defaults, nulls and what normalising puts back; the given one stays as it was."""
    out = {name: value for name, value in spec.items() if value is not None}
    if out.get("description") == "":
        del out["description"]  # what the server says of a resource that nobody described
    for path, name in kind.normalisers.items():
        field, star, rest = path.partition(".*")
        if star and not rest and field in out:
            out[field] = _items(out[field], name, _never_null(kind, out, field))
    for path, default in kind.defaults.items():
        _without_default(out, path.split("."), default)
    return out


def _without_default(tree: Tree, path: list[str], default: Any) -> None:
    """Leave a default out, and the map that held nothing else."""
    name, *rest = path
    if name not in tree:
        return
    value = tree[name]
    if not rest:
        if value == default and type(value) is type(default):
            del tree[name]
        return
    if isinstance(value, dict):
        inner = dict(value)
        _without_default(inner, rest, default)
        if inner:
            tree[name] = inner
        elif value:
            del tree[name]


def _never_null(kind: Kind, spec: Tree, field: str) -> Any:
    """The primary key among a table's columns: what it says by default is not what other columns say."""
    table = kind.table
    return spec.get(table.primary_key) if table is not None and table.primary_key and table.columns == field else None


def _items(found: Any, normaliser: str, key: Any) -> Any:
    if isinstance(found, dict):
        return {name: _shortest(value, normaliser, closed=name == key) for name, value in found.items()}
    if isinstance(found, list):
        return [_shortest(value, normaliser, closed=False, scalar=False) for value in found]
    return found


def _shortest(value: Any, normaliser: str, *, closed: bool, scalar: bool = True) -> Any:
    """Leave out, one after the other, the keys that the normaliser puts back; a single one left may do without its name."""
    if not isinstance(value, dict):
        return value
    try:
        return _short(tuple(value.items()), normaliser, closed, scalar)
    except TypeError:  # something inside is no scalar
        return _made_short(value, normaliser, closed, scalar)


@lru_cache(maxsize=4096)
def _short(items: tuple[tuple[str, Any], ...], normaliser: str, closed: bool, scalar: bool) -> Any:
    # Tables are alike: most columns of a tenant are one of a few. 1 and True are one key of a cache, and never one value here.
    return _made_short(dict(items), normaliser, closed, scalar)


def _made_short(value: Tree, normaliser: str, closed: bool, scalar: bool) -> Any:
    function = NORMALISERS[normaliser]

    def read(short: Any) -> Any:
        # A primary key that says nothing of nulls takes none (contract: Dataset), unlike any other column.
        if not closed:
            return function(short)
        return function({"nullable": False, **({"type": short} if isinstance(short, str) else short)})

    full = read(value)
    short = value
    for name in value:
        without = {key: item for key, item in short.items() if key != name}
        if without and read(without) == full:
            short = without
    if scalar and len(short) == 1:
        (only,) = short.values()
        if isinstance(only, str) and read(only) == full:
            return only
    return short
