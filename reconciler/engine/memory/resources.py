"""Desired resources as rows of JSON and back. A secret is kept as its reference alone, and looked up anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import Any, Final

import orjson

from reconciler.core.codec import decode_tree, encode_tree
from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.resource import Desired, Key, Lifecycle
from reconciler.core.values import PLAIN, Bundle, Secret

STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
"""What is no JSON of itself is refused, and not spelled in some way that would not read back."""


_Leaf = list[Any]
"""A typed leaf: its path, and how it is encoded."""


def encode_row(item: Desired, edges: tuple[Key, ...], file: int) -> list[Any]:
    """One resource; ``file`` is the number of its file. Raises `TypeError` for what JSON cannot hold."""
    fields, leaves = _split(item.fields)
    kept, kept_leaves = _split(dict(item.kept))
    life = item.lifecycle
    return [
        list(item.key),
        fields,
        leaves,
        file,
        [list(key) for key in item.dependencies],
        0 if edges == item.dependencies else [list(key) for key in edges],
        item.labels or 0,
        0 if life == _USUAL else [life.protect, life.retain, life.ignore_changes],
        list(item.moved_from) if item.moved_from else 0,
        [kept, kept_leaves] if item.kept else 0,
        item.annotations or 0,
    ]


_LEAVES: Final = 2
_KEPT: Final = 9

_USUAL: Final = Lifecycle()


class Rows:
    """Reads rows. ``resolve`` gives a secret its value, ``bundle`` the code bundle that stands for one remembered."""

    def __init__(
        self,
        files: list[str],
        resolve: Callable[[Secret], Secret],
        bundle: Callable[[Bundle], Bundle],
        place: Callable[[Key, PathParts], Mark | None],
    ) -> None:
        self._files = files
        self._resolve = resolve
        self._bundle = bundle
        self._place = place
        self._secrets: dict[str, Secret] = {}
        self._keys: dict[tuple[str, str], Key] = {}

    def read(self, rows: Iterable[list[Any]]) -> tuple[tuple[Desired, ...], dict[Key, tuple[Key, ...]]]:
        """All resources in the order of their rows, and what each refers to. Raises `ValueError` or the like for other data."""
        found: list[Desired] = []
        edges: dict[Key, tuple[Key, ...]] = {}
        nothing: Mapping[str, Any] = {}
        for key_, fields, leaves, file, after, refers, labels, life, moved, kept, notes in rows:
            key = Key(*key_)
            for leaf in leaves:
                self._put(fields, leaf)
            dependencies = keys_of(after) if after else ()
            edges[key] = keys_of(refers) if refers else dependencies if refers == 0 else ()
            item = Desired(
                key,
                fields,
                Lifecycle(life[0], life[1], tuple(life[2])) if life else _USUAL,
                dependencies,
                labels or nothing,
                Key(*moved) if moved else None,
                self._files[file],
                partial(self._place, key),
                self._kept(*kept) if kept else nothing,
                notes or nothing,
            )
            found.append(item)
        return tuple(found), edges

    def _kept(self, tree: dict[str, Any], leaves: list[_Leaf]) -> dict[str, Any]:
        for leaf in leaves:
            self._put(tree, leaf)
        return tree

    def _put(self, tree: Any, leaf: _Leaf) -> None:
        path, encoded = leaf
        *above, last = path
        for part in above:
            tree = tree[part]
        tree[last] = self._leaf(encoded)

    def _leaf(self, encoded: Any) -> Any:
        if type(encoded) is str:
            known = self._secrets.get(encoded)
            if known is None:
                known = self._secrets[encoded] = self._resolve(Secret(encoded))
            return known
        value = decode_tree(encoded)
        return self._bundle(value) if isinstance(value, Bundle) else value


def leaves_of(rows: Iterable[list[Any]]) -> tuple[list[str], list[Any]]:
    """What rows hold that may change while the manifests do not: references of secrets, and encoded bundles, each once."""
    secrets: set[str] = set()
    bundles: dict[str, Any] = {}
    for row in rows:
        kept = row[_KEPT]
        for _, encoded in (*row[_LEAVES], *(kept[1] if kept else ())):
            if type(encoded) is str:
                secrets.add(encoded)
            elif isinstance(value := decode_tree(encoded), Bundle):
                bundles[f"{value.path} {value.exclude} {value.sha256}"] = encoded
    return sorted(secrets), list(bundles.values())


def keys_of(data: Iterable[list[str]]) -> tuple[Key, ...]:
    """Keys that JSON has made lists of."""
    return tuple([Key(*item) for item in data])


def _split(tree: dict[str, Any]) -> tuple[Any, list[_Leaf]]:
    """A tree as JSON, with its typed leaves taken out. What has none is spelled at once; what is no number becomes null there."""
    with suppress(orjson.JSONEncodeError):
        text = orjson.dumps(tree, option=STRICT)
        if b"null" not in text:
            return orjson.Fragment(text), []
    leaves: list[_Leaf] = []
    return _without_leaves(tree, (), leaves), leaves


def _without_leaves(value: Any, path: PathParts, leaves: list[_Leaf]) -> Any:
    kind = type(value)
    if kind in PLAIN:
        if kind is float and not isfinite(value):
            raise TypeError("JSON has no such number")
        return value
    if kind is dict:
        return {name: _without_leaves(item, (*path, name), leaves) for name, item in value.items()}
    if kind is list:
        return [_without_leaves(item, (*path, index), leaves) for index, item in enumerate(value)]
    leaves.append([path, value.reference if isinstance(value, Secret) else encode_tree(value)])
    return None
