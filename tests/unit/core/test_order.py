"""Order: topological, deterministic, and cycles shown whole."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.order import CycleError, find_cycle, topological

graphs = st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 9), max_size=3), max_size=8)


def test_what_comes_after_stands_behind() -> None:
    assert topological({"c": ["b"], "b": ["a"], "a": []}) == ["a", "b", "c"]


def test_among_equals_rank_goes_before_name() -> None:
    assert topological({"a": [], "b": [], "c": []}, {"a": 1}) == ["b", "c", "a"]


def test_rank_counts_also_for_what_becomes_ready_later() -> None:
    assert topological({"a": [], "b": ["a"], "c": ["a"]}, {"b": 1}) == ["a", "c", "b"]


def test_an_edge_goes_before_rank() -> None:
    assert topological({"a": [], "b": ["a"]}, {"a": 9}) == ["a", "b"]


def test_edges_to_strangers_are_left_out() -> None:
    assert topological({"a": ["elsewhere"]}) == ["a"]


@pytest.mark.parametrize(
    ("graph", "cycle"),
    [
        ({"a": ["a"]}, ["a", "a"]),
        ({"c": ["b"], "b": ["c"], "a": ["b"]}, ["b", "c", "b"]),
        ({"x": ["b"], "b": ["c"], "c": ["a"], "a": ["b"]}, ["a", "b", "c", "a"]),
    ],
)
def test_a_cycle_is_shown_whole(graph: dict[str, list[str]], cycle: list[str]) -> None:
    assert find_cycle(graph) == cycle
    with pytest.raises(CycleError) as caught:
        topological(graph)
    assert caught.value.cycle == cycle
    assert str(caught.value) == " → ".join(cycle)


def test_no_cycle_is_found_where_there_is_none() -> None:
    assert find_cycle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


@given(graphs)
def test_either_an_order_or_a_cycle(graph: dict[int, set[int]]) -> None:
    cycle = find_cycle(graph)
    if not cycle:
        line = topological(graph)
        assert sorted(line) == sorted(graph)
        place = {node: index for index, node in enumerate(line)}
        assert all(place[other] < place[node] for node in graph for other in graph[node] if other in place)
        return
    assert cycle[0] == cycle[-1] == min(cycle)
    assert len(set(cycle)) == len(cycle) - 1
    assert all(other in graph[node] for node, other in pairwise(cycle))
    with pytest.raises(CycleError):
        topological(graph)
