"""The dependency graph of a project as Mermaid or DOT: an arrow leads from a manifest to what it needs first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.core.kind import KindClass
from reconciler.core.resource import Key

_MERMAID_SHAPES: Final[Mapping[KindClass, tuple[str, str]]] = {
    "resource": ("[", "]"),
    "fragment": ("(", ")"),
    "job": ("[[", "]]"),
}
_DOT_SHAPES: Final[Mapping[KindClass, str]] = {"resource": "box", "fragment": "ellipse", "job": "component"}


def mermaid(nodes: Mapping[Key, KindClass], edges: Mapping[Key, Iterable[Key]]) -> str:
    """A Mermaid flowchart; ``nodes`` gives each manifest's class, which decides its shape."""
    names = _names(nodes)
    lines = ["flowchart LR"]
    for key, name in names.items():
        left, right = _MERMAID_SHAPES[nodes[key]]
        lines.append(f'  {name}{left}"{_mermaid_text(str(key))}"{right}')
    lines += [f"  {names[key]} --> {names[other]}" for key, other in _pairs(names, edges)]
    return "\n".join(lines) + "\n"


def dot(nodes: Mapping[Key, KindClass], edges: Mapping[Key, Iterable[Key]]) -> str:
    """A Graphviz digraph; ``nodes`` gives each manifest's class, which decides its shape."""
    names = _names(nodes)
    lines = ["digraph manifests {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    lines += [
        f"  {name} [label={_dot_text(str(key))}, shape={_DOT_SHAPES[nodes[key]]}];" for key, name in names.items()
    ]
    lines += [f"  {names[key]} -> {names[other]};" for key, other in _pairs(names, edges)]
    return "\n".join([*lines, "}"]) + "\n"


def _names(nodes: Iterable[Key]) -> dict[Key, str]:
    """Short names that need no quoting, in the order of keys."""
    return {key: f"n{number}" for number, key in enumerate(sorted(nodes))}


def _pairs(names: Mapping[Key, str], edges: Mapping[Key, Iterable[Key]]) -> Iterable[tuple[Key, Key]]:
    for key in names:
        for other in sorted(set(edges.get(key, ()))):
            if other in names:
                yield key, other


def _mermaid_text(text: str) -> str:
    """Text for inside double quotes: what Mermaid or HTML would read as markup becomes an entity by number."""
    return "".join(ch if ch.isalnum() or ch in "/-_. " else f"#{ord(ch)};" for ch in text)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(ch if ch.isprintable() else " " for ch in escaped) + '"'
