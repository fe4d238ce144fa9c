"""What an expression reads, found in its text: so that only this is made ready, and what there is not is found offline."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.core.guard_view import FIELDS
from reconciler.core.projection import WHOLE, Paths, reading

_LITERAL: Final = re.compile(
    r"""//[^\n]*|(?:[bB]?[rR][bB]?)(?:\"\"\".*?\"\"\"|'''.*?'''|"[^"\n]*"|'[^'\n]*')"""
    r"""|[bB]?(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)
_BOUND: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_CHAIN: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*(\s*\()?")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ARGUMENT: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*,")
_EACH: Final = frozenset(("all", "exists", "exists_one"))
"""Macros that look at items and give none of them away."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Names joined by dots: what is read, the position of each name, the method called at the end, the variable that it binds."""

    path: tuple[str, ...]
    positions: tuple[int, ...]
    method: str = ""
    binds: str = ""


@dataclass(frozen=True, slots=True)
class NoSuchField(Exception):
    """A variable has no such field; ``position`` is where it is read."""

    variable: str
    field: str
    position: int


def without_literals(text: str) -> str:
    """The text with strings and comments blanked out, every position as it was."""
    return _LITERAL.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def bound_names(bare: str) -> frozenset[str]:
    """The names that macros bind (``exists(c, …)``)."""
    return frozenset(_BOUND.findall(bare))


def reads(bare: str, variables: Collection[str]) -> tuple[dict[str, Paths], Paths]:
    """What is read of each variable, and of each of ``plan.changes``; raises `NoSuchField`.

    A name that is also bound by a macro is taken for read whole.
    """
    bound = bound_names(bare)
    chains = list(_chains(bare))
    found: dict[str, list[tuple[str, ...]]] = {name: [] for name in variables}
    items: list[tuple[str, ...]] = []
    for chain in chains:
        head, *rest = chain.path
        if head in bound or head not in found:
            continue
        if rest and head in FIELDS and rest[0] not in FIELDS[head]:
            raise NoSuchField(head, rest[0], chain.positions[1])
        found[head].append(tuple(rest))
        if chain.path == ("plan", "changes"):
            items += _of_items(chain, chains)
    return {name: WHOLE if name in bound else reading(paths) for name, paths in found.items()}, reading(items)


def _of_items(chain: Chain, chains: list[Chain]) -> list[tuple[str, ...]]:
    """What is read of each item where a list is read."""
    if chain.method == "size":
        return [("key",)]
    if chain.method not in _EACH or not chain.binds:
        return [()]
    return [("key",), *(other.path[1:] for other in chains if other.path[0] == chain.binds)]


def _chains(bare: str) -> Iterator[Chain]:
    declared = {match.start(1) for match in _BOUND.finditer(bare)}
    for match in _CHAIN.finditer(bare):
        names = [(part[0], part.start()) for part in _NAME.finditer(bare, match.start(), match.end())]
        method = names.pop()[0] if match[1] else ""
        if names and names[0][1] not in declared:
            bound = _ARGUMENT.match(bare, match.end()) if method else None
            path, positions = zip(*names, strict=True)
            yield Chain(path, positions, method, bound[1] if bound else "")
