"""Texts and trees made wrong at random, from a seed: bytes that flip, go, come twice or come from elsewhere; values of another
type, keys that are renamed, doubled or gone, trees that are far too deep. What a number makes, it makes on every machine."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from tests.support.hostile_values import HOSTILE

Path = tuple[Any, ...]
"""Keys and indexes that lead from the root of a tree to one of its values."""

TOKENS = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b[2J", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xc2\x85", b"\r", b"\t"),
    *(
        b"\n---\n",
        b"\n...\n",
        b"&a ",
        b"*a",
        b"<<: ",
        b"? ",
        b"!!python/object/apply:os.system ",
        b"!x ",
        b"%YAML 9.9\n",
    ),
    *(
        b"${ref:",
        b"${secret:env:X}",
        b"${var:x}",
        b"${env:HOME}",
        b"${}",
        b"}",
        b"{{",
        b"$",
        b"'",
        b'"',
        b"|2-\n",
        b">\n",
    ),
    *(b"1e999", b"-0", b"0x", b"1_0", b".nan", b".inf", b"9" * 400, b"null", b"~", b"yes", b"2020-01-01", b"[" * 300),
    *(b"apiVersion: ", b"kind: ", b"metadata: ", b"spec: ", b"name: ", b"# comment\n", b"  ", b"    - "),
)
"""Bytes that mean something to YAML, JSON, the expressions of manifests, terminals or numbers."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 0.5, -0.0, 1e308, 10**400),
    *(
        "",
        " ",
        "a" * 129,
        "a" * 5000,
        "\x00",
        "\ud800",
        "🦉",
        "null",
        "1",
        "true",
        "../../etc/passwd",
        "/etc/passwd",
        "a/b",
    ),
    *(
        "${ref:Connector/crm.id}",
        "${ref:}",
        "${secret:env:NOPE}",
        "${secret:file:../x#y}",
        "${var:nope}",
        "${",
        "$${x}",
    ),
    *("http://", "https://user:word@h/", "https://[::1", "//", "emulator:", "file:", "file:../..", "0" * 64),
    *([], {}, [[]], [{}], {"": ""}, {"a": None}, [None], ["a", "a"], {"@reconciler": {"absent": True}}),
    *({"@reconciler": {}}, {"@reconciler": {"secret": None}}, {"@reconciler": 1}, {"$ref": "#"}, {"type": "object"}),
    *HOSTILE,
)
"""Values that are of the wrong type, at a limit, beyond it, or mean something in another place."""


def mutate_bytes(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """Change a text in one to four places; ``others`` are texts of which a piece may come in."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_BYTES)(found, chance, others)
    return bytes(found)


def _span(found: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(found) + 1)
    return start, min(len(found), start + chance.choice((1, 1, 2, 5, 20, 100)))


def _flip(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    if found:
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)


def _remove(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start, end = _span(found, chance)
    del found[start:end]


def _repeat(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start, end = _span(found, chance)
    found[end:end] = found[start:end] * chance.choice((1, 2, 50))


def _insert(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    place = chance.randrange(len(found) + 1)
    found[place:place] = chance.choice(TOKENS)


def _replace(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    start, end = _span(found, chance)
    found[start:end] = chance.choice(TOKENS)


def _cut(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    del found[chance.randrange(len(found) + 1) :]


def _splice(found: bytearray, chance: random.Random, others: list[bytes]) -> None:
    other = chance.choice(others)
    start = chance.randrange(len(other) + 1)
    place = chance.randrange(len(found) + 1)
    found[place:place] = other[start : start + chance.choice((10, 100, 1000))]


def _lines(found: bytearray, chance: random.Random, _: list[bytes]) -> None:
    lines = found.split(b"\n")
    first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    found[:] = b"\n".join(lines)


_BYTES: tuple[Callable[[bytearray, random.Random, list[bytes]], None], ...] = (
    *(_flip, _remove, _repeat, _insert, _replace, _cut, _splice, _lines),
)


def mutate_tree(tree: Any, chance: random.Random) -> Any:
    """Change a tree of JSON in one to four places; the one given stays as it is."""
    found = json.loads(json.dumps(tree))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        found = chance.choice(_TREES)(found, chance)
    return found


def places(tree: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all values of a tree, the root's first; a tree may be deeper than Python may recurse."""
    waiting: list[tuple[Path, Any]] = [(path, tree)]
    while waiting:
        here, value = waiting.pop()
        yield here
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        if len(here) < 50:
            waiting += [((*here, key), item) for key, item in children]


def at(tree: Any, path: Path) -> Any:
    """The value at a path."""
    for step in path:
        tree = tree[step]
    return tree


def _inner(tree: Any, chance: random.Random) -> Path:
    found = [path for path in places(tree) if path]
    return chance.choice(found) if found else ()


def _put(tree: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    at(tree, path[:-1])[path[-1]] = value
    return tree


def _set(tree: Any, chance: random.Random) -> Any:
    # A copy: the next change of the same tree may go into it, and would stay in it for all trees to come.
    return _put(tree, _inner(tree, chance), deepcopy(chance.choice(VALUES)))


def _drop(tree: Any, chance: random.Random) -> Any:
    path = _inner(tree, chance)
    if path:
        del at(tree, path[:-1])[path[-1]]
    return tree


def _wrap(tree: Any, chance: random.Random) -> Any:
    path = _inner(tree, chance)
    value = at(tree, path)
    return _put(tree, path, chance.choice(([value], {"value": value}, [value, value], str(value)[:1000])))


def _rename(tree: Any, chance: random.Random) -> Any:
    path = _inner(tree, chance)
    if path and isinstance(path[-1], str):
        here = at(tree, path[:-1])
        name = chance.choice((path[-1].upper(), path[-1] + "x", "", "metadata", "name", *HOSTILE))
        here[name] = here.pop(path[-1])
    return tree


def _move(tree: Any, chance: random.Random) -> Any:
    taken = json.loads(json.dumps(at(tree, _inner(tree, chance))))
    return _put(tree, _inner(tree, chance), taken)


def _deepen(tree: Any, chance: random.Random) -> Any:
    path = _inner(tree, chance)
    value = at(tree, path)
    for _ in range(chance.choice((40, 90, 300))):
        value = chance.choice(([value], {"a": value}))
    return _put(tree, path, value)


_TREES: tuple[Callable[[Any, random.Random], Any], ...] = (_set, _set, _set, _drop, _wrap, _rename, _move, _deepen)
