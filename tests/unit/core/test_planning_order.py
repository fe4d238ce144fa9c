"""Planning by what comes first: references, names that are freed and taken, deletes, and the same bytes every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from reconciler.core.plan import Plan
from reconciler.core.resource import Desired, Key
from reconciler.core.values import Template, Unknown
from tests.support.kinds import sealed
from tests.support.planning import G, T, V, W, actions, codes, entry, live, only, plan, want


def test_a_reference_is_known_after_apply_or_now() -> None:
    desired = [
        want(G, widgetId=Unknown("Widget", "w", "id"), url=Template(("x/", Unknown("Widget", "w", "id"))), after=(W,)),
        want(W),
    ]
    made = plan(desired, [], [])
    assert actions(made) == [("create", "Widget/w"), ("create", "Gadget/g")]
    assert made.changes[1].after == (W,)
    assert made.changes[1].steps[0].body["widgetId"] == Unknown("Widget", "w", "id")
    known = plan(desired, [live(W)], [entry(W)])
    assert only(known).steps[0].body == {"name": "g", "widgetId": "id-w", "url": "x/id-w"}


def test_a_reference_to_what_is_created_anew_changes_what_refers_to_it() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "w", "id"), after=(W,)), want(W)]
    made = plan(desired, [live(G, widgetId="id-w")], [entry(W), entry(G, after=(W,), widgetId="id-w")])
    assert actions(made) == [("create", "Widget/w"), ("update", "Gadget/g")]
    [field] = made.changes[1].fields
    assert (field.status, field.live) == ("ours", "id-w")


def test_a_reference_to_a_field_that_is_not_there_yet() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "w", "serial"), after=(W,)), want(W)]
    made = plan(desired, [live(W, serial=7)], [entry(W)])
    assert made.changes[0].steps[0].body["widgetId"] == "7"
    assert isinstance(plan(desired, [live(W)], [entry(W)]).changes[0].steps[0].body["widgetId"], Unknown)


def test_a_chain_of_renames_frees_names_first() -> None:
    x = Key("Widget", "x")
    desired = [want(V, name="w"), want(W, name="x"), want(x, name="y")]
    made = plan(desired, [live(V), live(W), live(x)], [entry(V), entry(W), entry(x)])
    assert [change.key for change in made.changes] == [x, W, V]
    assert not made.problems


def test_a_swap_of_names_has_no_order() -> None:
    made = plan([want(V, name="w"), want(W, name="v")], [live(V), live(W)], [entry(V), entry(W)])
    assert codes(made) == ["G012"]
    assert [change.key for change in made.changes] == [V, W]


def test_a_name_is_freed_by_a_delete_first() -> None:
    made = plan([want(V, name="w")], [live(W)], [entry(W)], prune=True)
    assert actions(made) == [("delete", "Widget/w"), ("create", "Widget/v")]
    assert made.changes[1].after == (W,)


@pytest.mark.parametrize("desired", [[want(V, name="w")], [want(V, name="w"), want(W)]])
def test_a_name_that_stays_taken_is_refused(desired: list[Desired]) -> None:
    made = plan(desired, [live(W)], [entry(W)])
    assert codes(made) == ["G016"]
    assert "movedFrom: Widget/w" in made.problems[0].fix


def test_a_rename_to_a_strangers_name_is_refused() -> None:
    made = plan([want(W, name="taken")], [live(W), live(Key("Widget", "taken"))], [entry(W)])
    assert codes(made) == ["G011"]


def test_the_name_that_counts_is_the_live_one() -> None:
    # Somebody renamed w to x on the console; now v wants to be called x, and w gets its name back first.
    made = plan([want(W), want(V, name="x")], [live(W, name="x"), live(V)], [entry(W), entry(V)])
    assert [change.key for change in made.changes] == [W, V]


def test_a_renamed_resource_that_others_depend_on_goes_first() -> None:
    desired = [want(W, name="new"), want(G, widgetId=Unknown("Widget", "w", "id"), note="n", after=(W,))]
    made = plan(desired, [live(W), live(G, widgetId="id-w")], [entry(W), entry(G, after=(W,), widgetId="id-w")])
    assert [change.key for change in made.changes] == [W, G]


def test_what_refers_to_a_deleted_resource_lets_go_first() -> None:
    desired = [want(G, widgetId=Unknown("Widget", "v", "id"), after=(V,)), want(V)]
    observed = [live(G, widgetId="id-w"), live(W), live(V)]
    made = plan(desired, observed, [entry(G, after=(W,), widgetId="id-w"), entry(W), entry(V)], prune=True)
    assert actions(made) == [("update", "Gadget/g"), ("delete", "Widget/w")]
    both = plan([], observed, [entry(G, after=(W,)), entry(W), entry(V, after=())], prune=True)
    assert [change.key for change in both.changes].index(G) < [change.key for change in both.changes].index(W)


def test_deletes_go_backwards_whatever_their_names() -> None:
    made = plan([], [live(G), live(W)], [entry(G), entry(W, after=(G,))], prune=True)
    assert [change.key for change in made.changes] == [W, G]
    assert made.changes[1].after == (W,)


def test_drift_is_listed_with_conflicts_first() -> None:
    desired = [want(V, size=1), want(W, size=3), want(Key("Widget", "x"), size=9)]
    observed = [live(V, size=2), live(W, size=2), live(Key("Widget", "x"), size=1)]
    made = plan(desired, observed, [entry(V, size=1), entry(W, size=1), entry(Key("Widget", "x"), size=1)])
    assert [change.key for change in made.drifted] == [W, V]
    assert made.drifted[0].conflicted
    assert made.drifted[1].modified == ("ann", "")


_HASHED = """
import json, sys
from reconciler.core.planfile import plan_to_json
from tests.unit.core.test_planning_order import sample
sys.stdout.write(json.dumps(plan_to_json(sample()), sort_keys=False))
"""


def sample() -> Plan:
    """A plan with a bit of everything, whose bytes are compared between hash seeds."""
    tags = {
        "tags": sorted({"a", "b", "c"}),
        "labels": {"x": 1, "y": {"text": "t"}},
        "vars": {"A": sealed("env:A", "x")},
    }
    desired = [
        want(G, widgetId=Unknown("Widget", "w", "id"), after=(W,)),
        want(W, **tags),
        want(V, size=2),
        want(T, columns={}),
    ]
    observed = [live(V, size=3), live(T), live(Key("Widget", "u")), live(Key("Widget", "z"))]
    return plan(
        desired, observed, [entry(V), entry(Key("Widget", "u"), protect=True), entry(Key("Widget", "z"))], prune=True
    )


def test_the_hash_seed_changes_no_byte() -> None:
    texts = {
        subprocess.run(
            [sys.executable, "-c", _HASHED],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(texts) == 1
    assert len(json.loads(texts.pop())["changes"]) > 3
