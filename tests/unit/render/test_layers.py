"""Graphs drawn in layers: nothing on top of anything else, arrows lead right, and few of them cross."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.layers import layered


def crossings(drawing):
    spans = [pair for route in drawing.routes for pair in pairwise(route)]
    found = 0
    for index, ((left, low), (_, high)) in enumerate(spans):
        for (other, start), (_, end) in spans[index + 1 :]:
            found += left == other and (low - start) * (high - end) < 0
    return found


def test_nothing_to_draw():
    drawing = layered(0, [])
    assert (drawing.places, drawing.layers, drawing.rows) == ((), 0, 0.0)


def test_a_chain_is_a_line():
    drawing = layered(4, [(0, 1), (1, 2), (2, 3)])
    assert drawing.places == ((0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0))


def test_what_nothing_precedes_stands_next_to_its_first_use():
    drawing = layered(4, [(0, 1), (1, 3), (2, 3)])
    assert [layer for layer, _ in drawing.places] == [0, 1, 1, 2]


def test_a_long_edge_passes_every_layer():
    drawing = layered(3, [(0, 1), (1, 2), (0, 2)])
    assert sorted(len(route) for route in drawing.routes) == [2, 2, 3]


def test_two_trees_do_not_cross():
    edges = [(0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 7)]
    assert crossings(layered(8, edges)) == 0


def test_those_without_edges_stand_beside_each_other():
    drawing = layered(8, [(0, 1)])
    assert len(set(drawing.places)) == 8
    assert drawing.layers == 3
    assert drawing.rows == 3


@pytest.mark.parametrize("edge", [(1, 0), (0, 0), (0, 9), (-1, 0)])
def test_edges_that_cannot_be_are_left_out(edge):
    assert layered(2, [edge]).routes == ()


@given(st.integers(0, 24).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=40))))  # fmt: skip
def test_any_graph(case):
    count, edges = case
    drawing = layered(count, edges)
    assert drawing == layered(count, list(reversed(edges)))
    real = {(start, end) for start, end in edges if start < end < count}
    assert len(drawing.routes) == len(real)
    for start, end in real:
        assert drawing.places[start][0] < drawing.places[end][0]
    for layer in range(drawing.layers):
        rows = sorted(row for at, row in drawing.places if at == layer)
        assert all(below - above > 0.999 for above, below in pairwise(rows))
    assert all(0 <= layer < drawing.layers and 0 <= row <= drawing.rows - 1 + 1e-9 for layer, row in drawing.places)
    for route in drawing.routes:
        assert all(right[0] - left[0] == 1 for left, right in pairwise(route))
