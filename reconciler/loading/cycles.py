"""Circles in the graph of manifests, and what manifests depend on through fragments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.resource import Key
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.manifest import Manifest

Graph = Mapping[Key, Iterable[Key]]


def report_cycles(manifests: Mapping[Key, Manifest], findings: Findings) -> None:
    """Report each circle once, whole, with the file of every manifest on it."""
    for circle in cycles({key: manifest.edges for key, manifest in manifests.items() if manifest.edges}):
        steps = [*circle, circle[0]]
        chain = " → ".join(f"{key} ({manifests[key].source.file})" for key in steps)
        first = manifests[circle[0]]
        path = ("spec", *first.edges[steps[1]])
        related = tuple(
            (f"{key} refers to {after}", manifests[key].source.mark(("spec", *manifests[key].edges[after])))
            for key, after in zip(circle[1:], steps[2:], strict=True)
        )
        message = f"{circle[0]} refers to itself" if len(circle) == 1 else f"manifests depend on each other: {chain}"
        fix = "remove one of these references"
        findings.add(rules.CYCLE, message, first.source, path, fix=fix, related=related)


def cycles(graph: Graph) -> Iterator[list[Key]]:
    """One shortest circle for each knot, through its smallest key and beginning with it."""
    knotted = _without_loose_ends(graph)
    while knotted:
        start = min(knotted)
        circle = _shortest_circle(knotted, start)
        if circle:
            yield circle
            gone = _reachable(knotted, start) & _reachable(_reversed(knotted), start)
        else:
            gone = {start}
        knotted = _without_loose_ends(
            {
                key: [other for other in others if other not in gone]
                for key, others in knotted.items()
                if key not in gone
            }
        )


def _without_loose_ends(graph: Graph) -> dict[Key, list[Key]]:
    """The part of a graph in which every node leads on to another: empty where there is no circle."""
    left = {key: len([other for other in others if other in graph]) for key, others in graph.items()}
    users = _reversed(graph)
    loose = deque(key for key, count in left.items() if not count)
    while loose:
        key = loose.popleft()
        del left[key]
        for user in users.get(key, ()):
            left[user] -= 1
            if not left[user]:
                loose.append(user)
    return {key: [other for other in graph[key] if other in left] for key in left}


def _reversed(graph: Graph) -> dict[Key, list[Key]]:
    out: dict[Key, list[Key]] = {}
    for key, others in graph.items():
        for other in others:
            out.setdefault(other, []).append(key)
    return out


def _shortest_circle(graph: Graph, start: Key) -> list[Key]:
    came_from: dict[Key, Key] = {}
    queue = deque([start])
    while queue:
        key = queue.popleft()
        for other in sorted(graph.get(key, ())):
            if other == start:
                path = [key]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if other not in came_from:
                came_from[other] = key
                queue.append(other)
    return []


def _reachable(graph: Graph, start: Key) -> set[Key]:
    seen: set[Key] = set()
    queue = [start]
    while queue:
        for other in graph.get(queue.pop(), ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def resource_dependencies(manifest: Manifest, manifests: Mapping[Key, Manifest]) -> tuple[Key, ...]:
    """The resources that a manifest depends on, directly or through fragments, sorted."""
    if not manifest.edges:
        return ()
    if len(manifest.edges) == 1:
        (only,) = manifest.edges
        if manifests[only].kind.kind_class == "resource":
            return (only,)
    found: set[Key] = set()
    seen: set[Key] = set()
    queue = list(manifest.edges)
    while queue:
        key = queue.pop()
        if key in seen:
            continue
        seen.add(key)
        if manifests[key].kind.kind_class == "resource":
            found.add(key)
        elif manifests[key].kind.kind_class == "fragment":
            queue += manifests[key].edges
    return tuple(sorted(found))
