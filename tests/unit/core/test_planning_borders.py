"""Planning at its borders: names that several bear, ETags that nobody gave, and the order of what is told."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.resource import Key, Lifecycle, Observed
from reconciler.core.values import Bundle
from reconciler.core.wire import live_tree
from tests.support.kinds import WIDGET
from tests.support.planning import G, V, W, actions, entry, live, only, plan, want

A, B = Key("Widget", "a"), Key("Widget", "b")


def stranger(name: str) -> Observed:
    return live(Key("Widget", name), "stranger")


def test_a_name_that_a_stranger_bears_too_is_nobodys_business_while_it_is_not_taken() -> None:
    observed = [live(W, size=1), stranger("w")]
    updated = plan([want(W, size=2)], observed, [entry(W, size=1)])
    assert (updated.problems, actions(updated)) == ((), [("update", "Widget/w")])
    deleted = plan([], observed, [entry(W, size=1)], prune=True)
    assert (deleted.problems, actions(deleted)) == ((), [("delete", "Widget/w")])
    renamed = plan([want(V, name="w")], [live(V), stranger("w")], [entry(V)])
    assert [problem.code for problem in renamed.problems] == ["G011"]


def test_what_goes_comes_last() -> None:
    forgotten = Key("Gadget", "f")
    made = plan([want(B)], [live(A)], [entry(A), entry(forgotten)], prune=True)
    assert actions(made) == [("create", "Widget/b"), ("forget", "Gadget/f"), ("delete", "Widget/a")]


def test_no_etag_is_not_the_same_etag() -> None:
    seen = replace(live(W, size=3), etag="")
    assert entry(W).etag == ""
    change = only(plan([want(W, size=2)], [seen], [entry(W, size=2)]))
    assert (change.action, change.fields[0].status) == ("update", "theirs")


def test_what_is_told_stands_in_one_order() -> None:
    desired = [want(key, name="n", region="eu") for key in (B, A)] + [want(G, state="ON", name="g2")]
    observed = [live(key, region="us") for key in (A, B)] + [stranger("n"), live(G, state="BROKEN")]
    made = plan(desired, observed, [entry(A), entry(B), entry(G)])
    told = [(problem.code, str(problem.key)) for problem in made.problems]
    assert told == [
        ("G009", "Widget/a"),
        ("G009", "Widget/b"),
        ("G010", "Gadget/g"),
        ("G011", "Widget/a"),
        ("G011", "Widget/b"),
    ]
    circle = plan([want(V, name="w"), want(W, name="v", region="eu")], [live(V), live(W)], [entry(V), entry(W)])
    assert [problem.code for problem in circle.problems] == ["G009", "G012"]
    left = plan([], [live(key) for key in (B, W, A)], [entry(key) for key in (W, B, A)])
    assert [orphan.key for orphan in left.orphans] == [A, B, W]


def test_a_narrowed_run_says_so_and_what_it_counts() -> None:
    made = plan([want(A), want(B)], [live(A)], [entry(A), entry(W)], partial=True, selected=frozenset({A}))
    assert (made.partial, made.manifests, made.unchanged, made.sizes) == (True, 2, 1, {"Widget": 3})
    assert (made.changes, made.orphans) == ((), ())
    assert not plan([want(A)], [live(A)], [entry(A)]).partial


def test_the_ledger_learns_how_a_resource_is_to_end() -> None:
    for lifecycle in (Lifecycle(protect=True), Lifecycle(retain=True), Lifecycle()):
        for observed in ([], [live(W)]):
            learned = only(plan([want(W, size=2, lifecycle=lifecycle, after=(V, A))], observed, [])).entry
            assert learned is not None
            assert (learned.protect, learned.retain) == (lifecycle.protect, lifecycle.retain)
            assert learned.dependencies == (A, V)
            assert learned.id == ("id-w" if observed else "")


def test_only_the_fields_that_are_wanted_are_read() -> None:
    body = {"name": "w", "size": 1, "id": "1", "codeSha256": "ab", "credentials": {"token": "********"}}
    assert live_tree(WIDGET, body, ["size", "missing", "id"]) == {"size": 1}
    assert live_tree(WIDGET, body, ["code"]) == {"code": Bundle("ab")}
    assert live_tree(WIDGET, body, []) == {}


def test_a_resource_that_is_refused_keeps_out_of_the_plan_even_where_it_moved() -> None:
    made = plan([want(W, moved_from=V)], [stranger("w")], [entry(V)])
    assert [problem.code for problem in made.problems] == ["G011"]
    assert (made.changes, made.orphans) == ((), ())


def test_the_cost_knows_how_long_the_listings_are() -> None:
    keys = [Key("Widget", f"n{number:02}") for number in range(25)]
    observed = [live(Key("Widget", f"o{number:02}")) for number in range(30)]
    made = plan([want(key) for key in keys], observed, [entry(W)], page_size=10, rate=2.0, prune=True)
    assert (made.cost.requests, made.cost.seconds) == (25 + 6, 15.5)


def test_a_narrowed_run_tells_of_what_stands_in_the_way_of_its_own_resources_only() -> None:
    desired, adopt = [want(A), want(B)], {A: "nowhere", B: "nowhere"}
    made = plan(desired, [], [], adopt=adopt, partial=True, selected=frozenset({A}))
    assert [(item.code, item.key) for item in made.problems] == [("G011", A)]
    assert made.changes == ()
    assert sorted(item.key for item in plan(desired, [], [], adopt=adopt).problems if item.key) == [A, B]
