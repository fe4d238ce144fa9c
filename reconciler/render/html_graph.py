"""A dependency graph drawn in layers as inline SVG: every node leads to its entry on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.resource import Key
from reconciler.render.escape import shorten, visible
from reconciler.render.html import NEWLINE, Html, el, join
from reconciler.render.layers import Drawing, layered

NODES_SHOWN: Final = 120
_WIDTH, _HEIGHT = 208, 40
_COLUMN, _ROW = 272, 54
_MARGIN: Final = 8
_CHARACTERS: Final = 27


@dataclass(frozen=True, slots=True)
class Node:
    """One node: its key, the page's address that it leads to, its sign and tone, and the keys that come before it."""

    key: Key
    anchor: str
    sign: str
    tone: str
    after: Sequence[Key] = ()


def graph(nodes: Sequence[Node]) -> tuple[Html, int]:
    """The drawing, and how many nodes are left out of it: those that hang together go first.

    ``nodes`` stand in apply order: what comes before another stands before it.
    """
    shown = _chosen(nodes)
    number = {node.key: index for index, node in enumerate(shown)}
    edges = [(number[key], index) for index, node in enumerate(shown) for key in node.after if key in number]
    drawing = layered(len(shown), edges)
    width = max((drawing.layers - 1) * _COLUMN, 0) + _WIDTH + 2 * _MARGIN
    height = round(max(drawing.rows - 1, 0) * _ROW + _HEIGHT) + 2 * _MARGIN
    arrows = [el("path", d=_route(route), marker_end="url(#arrow)") for route in drawing.routes]
    boxes = [_box(node, drawing, index) for index, node in enumerate(shown)]
    picture = el(
        "svg",
        el("defs", _arrow_head()),
        el("g", *arrows, class_="arrows", aria_hidden="true"),
        *(join(NEWLINE, box) for box in boxes),
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="group",
        aria_label="Changes, and what comes before what",
    )
    return el("div", picture, class_="graph", role="region", aria_label="Drawing", tabindex=0), len(nodes) - len(shown)


def _chosen(nodes: Sequence[Node]) -> list[Node]:
    if len(nodes) <= NODES_SHOWN:
        return list(nodes)
    there: Mapping[Key, Node] = {node.key: node for node in nodes}
    joined = {node.key for node in nodes if any(key in there for key in node.after)}
    joined |= {key for node in nodes for key in node.after if key in there}
    first = [node for node in nodes if node.key in joined][:NODES_SHOWN]
    rest = [node for node in nodes if node.key not in joined][: NODES_SHOWN - len(first)]
    kept = {node.key for node in (*first, *rest)}
    return [node for node in nodes if node.key in kept]


def _box(node: Node, drawing: Drawing, index: int) -> Html:
    layer, row = drawing.places[index]
    x, y = _MARGIN + layer * _COLUMN, _MARGIN + row * _ROW
    return el(
        "a",
        el("title", f"{node.sign} {node.key}"),
        el("rect", x=_number(x), y=_number(y), width=_WIDTH, height=_HEIGHT, rx=6),
        el("text", f"{node.sign} {_short(node.key.kind)}", x=_number(x + 12), y=_number(y + 16), class_="kind"),
        el("text", _short(node.key.name), x=_number(x + 12), y=_number(y + 31), class_="name"),
        href=f"#{node.anchor}",
        class_=f"node {node.tone}",
    )


def _short(text: str) -> str:
    return shorten(visible(text), _CHARACTERS)


def _route(points: Sequence[tuple[int, float]]) -> str:
    """A smooth line from the right side of the first box, through the bends, to the left side of the last."""
    parts = []
    for index, (layer, row) in enumerate(points):
        left = _MARGIN + layer * _COLUMN
        y = _number(_MARGIN + row * _ROW + _HEIGHT / 2)
        if index == 0:
            parts.append(f"M{left + _WIDTH} {y}")
            before = y
            continue
        middle = left - (_COLUMN - _WIDTH) // 2
        end = left - 5 if index == len(points) - 1 else left
        parts.append(f"C{middle} {before} {middle} {y} {end} {y}")
        if index < len(points) - 1:
            parts.append(f"H{left + _WIDTH}")
        before = y
    return "".join(parts)


def _arrow_head() -> Html:
    return el(
        "marker",
        el("path", d="M0 0L6 3L0 6Z"),
        id="arrow",
        viewBox="0 0 6 6",
        refX=2,
        refY=3,
        markerWidth=6,
        markerHeight=6,
        orient="auto",
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
