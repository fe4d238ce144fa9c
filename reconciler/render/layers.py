"""A layered drawing of a graph without cycles: what comes first stands left, arrows lead right, few of them cross.

The steps are Sugiyama's: a layer for every node, order within layers by the mean of the neighbours, then places by least
squares. Sizes are in cells; whoever draws gives them their measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 8
_BEND_GAP: Final = 0.45
"""Rows between two arrows that pass by each other; nodes have a whole row."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where everything stands: a (layer, row) for each node, and for each edge the places that it passes, ends included.

    ``layers`` and ``rows`` are the size of the whole.
    """

    places: tuple[tuple[int, float], ...]
    routes: tuple[tuple[tuple[int, float], ...], ...]
    layers: int
    rows: float


def layered(count: int, edges: Sequence[tuple[int, int]]) -> Drawing:
    """Place ``count`` nodes; every edge leads from a lower number to a higher one, others are not drawn.

    Nodes without an edge stand below the rest, beside each other.
    """
    edges = sorted({(start, end) for start, end in edges if 0 <= start < end < count})
    joined = sorted({node for edge in edges for node in edge})
    layer = _layers(joined, edges)
    graph = _Graph(layer, edges)
    graph.arrange()
    rows = graph.settle()
    width = max(layer.values(), default=0) + 1
    places: list[tuple[int, float]] = [(0, 0.0)] * count
    for node in joined:
        places[node] = (layer[node], graph.row[node])
    alone = [node for node in range(count) if node not in layer]
    columns = max(width, 3)
    top = rows if joined else 0.0
    for index, node in enumerate(alone):
        places[node] = (index % columns, top + index // columns)
    if alone:
        width = max(width, min(columns, len(alone)))
        rows = top + (len(alone) - 1) // columns + 1
    routes = tuple(tuple((graph.layer[point], graph.row[point]) for point in chain) for chain in graph.chains)
    return Drawing(tuple(places), routes, width if count else 0, rows if count else 0.0)


def _layers(nodes: Sequence[int], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """A layer for every node that has an edge: after all that come first, and what nothing precedes next to its first use."""
    layer = dict.fromkeys(nodes, 0)
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        layer[end] = max(layer[end], layer[start] + 1)
    ends = {end for _, end in edges}
    for node in nodes:
        if node not in ends:
            layer[node] = min(layer[end] for start, end in edges if start == node) - 1
    return layer


class _Graph:
    """The graph with a bend wherever an edge passes a layer, so that edges lead from one layer to the next only."""

    def __init__(self, layer: dict[int, int], edges: Sequence[tuple[int, int]]) -> None:
        self.layer = dict(layer)
        self.chains: list[list[int]] = []
        self.before: dict[int, list[int]] = {node: [] for node in layer}
        self.after: dict[int, list[int]] = {node: [] for node in layer}
        self.row: dict[int, float] = {}
        self.bends: set[int] = set()
        for start, end in edges:
            chain = [start, *(self._bend(at) for at in range(layer[start] + 1, layer[end])), end]
            self.chains.append(chain)
            for left, right in pairwise(chain):
                self.after[left].append(right)
                self.before[right].append(left)
        self.columns: list[list[int]] = [[] for _ in range(max(self.layer.values(), default=-1) + 1)]
        for node, at in self.layer.items():
            self.columns[at].append(node)

    def _bend(self, at: int) -> int:
        node = -1 - len(self.bends)
        self.bends.add(node)
        self.layer[node] = at
        self.before[node], self.after[node] = [], []
        return node

    def arrange(self) -> None:
        """Order every layer by the mean place of its neighbours, forth and back."""
        place = {node: float(index) for column in self.columns for index, node in enumerate(column)}
        for sweep in range(_SWEEPS):
            forth = sweep % 2 == 0
            near = self.before if forth else self.after
            for column in self.columns if forth else reversed(self.columns):
                mean = {node: _mean([place[other] for other in near[node]], place[node]) for node in column}
                column.sort(key=lambda node: (mean[node], place[node]))
                place.update((node, float(index)) for index, node in enumerate(column))

    def settle(self) -> float:
        """Give every node its row, near its neighbours and in its layer's order; returns the number of rows."""
        for column in self.columns:
            self.row.update((node, offset) for node, offset in zip(column, self._offsets(column), strict=True))
        for sweep in range(_SWEEPS):
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                offsets = self._offsets(column)
                wanted = [
                    _mean([self.row[other] for other in (*self.before[node], *self.after[node])], self.row[node])
                    for node in column
                ]
                level = _rising([want - offset for want, offset in zip(wanted, offsets, strict=True)])
                self.row.update(
                    (node, base + offset) for node, base, offset in zip(column, level, offsets, strict=True)
                )
        top = min(self.row.values(), default=0.0)
        self.row = {node: round(row - top, 3) for node, row in self.row.items()}
        return max(self.row.values(), default=-1.0) + 1

    def _offsets(self, column: Sequence[int]) -> list[float]:
        """The least distance of each from the first of its layer."""
        offsets, at = [], 0.0
        for index, node in enumerate(column):
            if index:
                at += _BEND_GAP if node in self.bends and column[index - 1] in self.bends else 1.0
            offsets.append(at)
        return offsets


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _rising(values: Sequence[float]) -> list[float]:
    """The sequence that never falls and is nearest to the values by least squares (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        total, size = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            other, others = pools.pop()
            total, size = total + other, size + others
        pools.append((total, size))
    return [total / size for total, size in pools for _ in range(size)]
