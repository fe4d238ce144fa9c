from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Key
from reconciler.loading.cycles import cycles


def graph(**edges):
    return {Key("K", name): [Key("K", other) for other in others] for name, others in edges.items()}


def names(found):
    return [[key.name for key in circle] for circle in found]


def test_no_circle():
    assert names(cycles(graph(a="b", b="c", c=""))) == []


def test_a_manifest_that_refers_to_itself():
    assert names(cycles(graph(a="a"))) == [["a"]]


def test_a_circle_is_shown_whole_from_its_smallest_key():
    assert names(cycles(graph(c="a", a="b", b="c", x="a"))) == [["a", "b", "c"]]


def test_every_knot_is_reported_once():
    assert names(cycles(graph(a="b", b="a", c="d", d="c", e="ac"))) == [["a", "b"], ["c", "d"]]


def test_two_circles_that_are_joined_by_a_bridge():
    assert names(cycles(graph(a="b", b="ac", c="d", d="c"))) == [["a", "b"], ["c", "d"]]


def test_a_bridge_between_two_circles_is_on_none():
    assert names(cycles(graph(b="ba", a="c", c="c"))) == [["b"], ["c"]]


def test_edges_to_what_is_not_in_the_graph_are_left_out():
    assert names(cycles(graph(a="z"))) == []


NODES = "abcdef"


@given(st.dictionaries(st.sampled_from(NODES), st.lists(st.sampled_from(NODES), max_size=3, unique=True)))
def test_what_is_reported_is_a_circle_and_removing_knots_leaves_none(edges):
    made = graph(**{name: "".join(others) for name, others in edges.items()})
    found = list(cycles(made))
    for circle in found:
        for key, after in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert after in made[key]
        assert circle[0] == min(circle)
    gone = {key for circle in found for key in circle}
    if not found:
        order = []
        left = {key: {other for other in others if other in made} for key, others in made.items()}
        while ready := [key for key, others in left.items() if not others - set(order)]:
            order += ready
            for key in ready:
                del left[key]
        assert not left
    else:
        assert gone
