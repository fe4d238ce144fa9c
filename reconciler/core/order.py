"""Order: which change comes after which, as a graph over keys, and one deterministic line through it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar


class _Sortable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


Node = TypeVar("Node", bound=_Sortable)
"""Anything hashable with an order of its own."""


class CycleError(ValueError):
    """The graph has a cycle; ``cycle`` lists its nodes, the first repeated at the end."""

    def __init__(self, cycle: list[object]) -> None:
        super().__init__(" → ".join(str(node) for node in cycle))
        self.cycle = cycle


def topological(after: Mapping[Node, Iterable[Node]], rank: Mapping[Node, int] | None = None) -> list[Node]:
    """Put every node behind those it comes ``after``; among equals, by ``rank`` and then by the node itself.

    Edges to nodes that are not keys of ``after`` are left out. Raises `CycleError` with one shortest found cycle.
    """
    ranks = rank or {}
    waiting = {node: {other for other in others if other in after} for node, others in after.items()}
    followers: dict[Node, list[Node]] = {node: [] for node in after}
    for node, others in waiting.items():
        for other in others:
            followers[other].append(node)
    heap = [(ranks.get(node, 0), node) for node, others in waiting.items() if not others]
    heapq.heapify(heap)
    line: list[Node] = []
    while heap:
        _, node = heapq.heappop(heap)
        line.append(node)
        for follower in followers[node]:
            waiting[follower].discard(node)
            if not waiting[follower]:
                heapq.heappush(heap, (ranks.get(follower, 0), follower))
    if len(line) < len(after):
        raise CycleError(list(find_cycle({node: others for node, others in waiting.items() if others})))
    return line


def find_cycle(after: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """One cycle of a graph, starting at its smallest node, the first repeated at the end; empty where there is none."""
    done: set[Node] = set()
    for start in sorted(after):
        trail: list[Node] = []
        where: dict[Node, int] = {}
        stack = [(start, iter(sorted(after.get(start, ()))))]
        while stack:
            node, others = stack[-1]
            if node not in where:
                where[node] = len(trail)
                trail.append(node)
            step = next((other for other in others if other in after and other not in done), None)
            if step is None:
                done.add(node)
                where.pop(node)
                trail.pop()
                stack.pop()
            elif step in where:
                cycle = trail[where[step] :]
                first = cycle.index(min(cycle))
                return [*cycle[first:], *cycle[:first], cycle[first]]
            else:
                stack.append((step, iter(sorted(after.get(step, ())))))
    return []
