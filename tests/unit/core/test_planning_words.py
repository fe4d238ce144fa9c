"""What planning says of what stands in the way: the resource, the reason, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.core.plan import Orphan, Plan, Problem
from reconciler.core.resource import Key, Observed
from reconciler.core.values import Unknown
from tests.support.kinds import sealed
from tests.support.planning import G, V, W, entry, live, only, plan, want

X = Key("Widget", "x")


def nobodys(key: Key, resource_id: str) -> Observed:
    return Observed(key.kind, resource_id, {"name": key.name, "id": resource_id})


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (
            lambda: plan([want(W)], [live(W, lastModifiedTime='noon')], [entry(X)]),
            Problem(
                "G011",
                "Widget/w: a Widget named 'w' exists (id id-w, last changed by ann at noon) and is not ours",
                "take it over with --adopt Widget/w, or declare another name",
                W,
            ),
        ),
        (
            lambda: plan([want(W)], [nobodys(W, "1")], [entry(X)]),
            Problem(
                "G011",
                "Widget/w: a Widget named 'w' exists (id 1) and is not ours",
                "take it over with --adopt Widget/w, or declare another name",
                W,
            ),
        ),
        (
            lambda: plan([want(W)], [nobodys(W, "2"), nobodys(W, "1")], []),
            Problem(
                "G011",
                "Widget/w: 2 Widgets are named 'w' (ids 1, 2)",
                "say which one with `reconciler adopt Widget/w --id ID`",
                W,
            ),
        ),
        (
            lambda: plan([want(W)], [], [], adopt={W: "nine"}),
            Problem(
                "G011",
                "Widget/w: cannot adopt id nine: there is no such resource",
                "look the id up in the tenant and adopt that one",
                W,
            ),
        ),
        (
            lambda: plan([want(W), want(V)], [live(V)], [entry(V)], adopt={W: "id-v"}),
            Problem(
                "G011",
                "Widget/w: cannot adopt id id-v: it already belongs to Widget/v",
                "look the id up in the tenant and adopt that one",
                W,
            ),
        ),
        (
            lambda: plan([want(V, name="n"), want(W, name="n")], [nobodys(Key("Widget", "n"), "1")], [], lost=True),
            Problem(
                "G011",
                "Widget/w: the Widget with id 1 is already what Widget/v means",
                "declare another name, or adopt another id",
                W,
            ),
        ),
        (
            lambda: plan([want(W, moved_from=V)], [live(W), live(V)], [entry(W), entry(V)]),
            Problem(
                "G013",
                "Widget/w says it moved from Widget/v, but the ledger holds both",
                "drop movedFrom, or run `reconciler forget Widget/v`",
                W,
            ),
        ),
        (
            lambda: plan([want(W, moved_from=V), want(X, moved_from=V)], [live(V)], [entry(V)]),
            Problem(
                "G013",
                "Widget/x says it moved from Widget/v, and so does another manifest",
                "drop movedFrom, or run `reconciler forget Widget/v`",
                X,
            ),
        ),
        (
            lambda: plan([want(W, name="n")], [live(W), live(Key("Widget", "n"))], [entry(W)]),
            Problem(
                "G011",
                "Widget/w: a Widget named 'n' exists (id id-n) and is not ours",
                "declare another name",
                W,
            ),
        ),
        (
            lambda: plan([want(V, name="w"), want(W)], [live(W)], [entry(W)]),
            Problem(
                "G016",
                "Widget/v: the name 'w' is held by Widget/w (id id-w), and stays so",
                "say `movedFrom: Widget/w` where it is the same resource, or rename or delete that one first",
                V,
            ),
        ),
        (
            lambda: plan([want(G, widgetId=Unknown("Widget", "w", "id"))], [], [], partial=True, selected=frozenset({G})),
            Problem(
                "G015",
                "Gadget/g refers to Widget/w, which does not exist yet and is not part of this run",
                "select Widget/w too, or run without selectors",
                G,
            ),
        ),
        (
            lambda: plan([want(W, region="eu")], [live(W, region="us")], [entry(W, region="us")]),
            Problem(
                "G009",
                "Widget/w: region cannot be changed once the resource exists",
                "undo the change, or declare a new resource under another name and move what refers to it",
                W,
            ),
        ),
        (
            lambda: plan([want(W, status="ACTIVE")], [live(W, status="BROKEN")], [entry(W, status="ACTIVE")]),
            Problem(
                "G010",
                "Widget/w: status cannot move from BROKEN to ACTIVE; from BROKEN it moves to nowhere",
                "declare a status that can be reached, or leave it out",
                W,
            ),
        ),
        (
            lambda: plan([want(W, status="ERROR")], [], []),
            Problem(
                "G010",
                "Widget/w: status cannot move from DRAFT to ERROR; from DRAFT it moves to ACTIVE, INACTIVE",
                "declare a status that can be reached, or leave it out",
                W,
            ),
        ),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_and_the_way_out(make: Callable[[], Plan], problem: Problem) -> None:
    assert make().problems == (problem,)


def test_a_circle_is_told_with_its_members() -> None:
    made = plan([want(V, name="w"), want(W, name="v")], [live(V), live(W)], [entry(V), entry(W)])
    [problem] = made.problems
    assert problem.message.startswith("no order of changes works: ")
    assert {"Widget/v", "Widget/w"} <= set(problem.message.replace(",", " ").split())
    assert problem.fix == "break the circle by renaming one of them to a third name first, and apply twice"


@pytest.mark.parametrize(
    ("options", "flags", "reason"),
    [
        ({}, {}, "prune is off"),
        ({"prune": True}, {"protect": True}, "protected; --allow G004:Widget/w deletes it all the same"),
        (
            {"prune": True},
            {"protect": True, "retain": True},
            "protected; --allow G004:Widget/w deletes it all the same",
        ),
    ],
)
def test_why_an_orphan_is_left_alone(options: dict[str, Any], flags: dict[str, Any], reason: str) -> None:
    made = plan([], [live(W, name="live")], [entry(W, name="applied", **flags)], **options)
    assert made.orphans == (Orphan(W, "applied", "id-w", reason),)
    assert made.changes == ()


def test_a_resource_of_an_unknown_kind_is_left_alone() -> None:
    gone = Key("Gone", "g")
    made = plan([], [], [entry(gone)], prune=True)
    assert made.orphans == (Orphan(gone, "g", "id-g", "this version knows no kind Gone"),)


@pytest.mark.parametrize(
    ("there", "options", "reason"), [([], {}, "already gone"), ([live(W)], {"prune": True}, "retained")]
)
def test_why_an_entry_is_forgotten(there: list[Observed], options: dict[str, Any], reason: str) -> None:
    change = only(plan([], there, [entry(W, retain=True, name="applied")], **options))
    assert (change.action, change.live_name, change.resource_id, change.reason) == ("forget", "applied", "id-w", reason)


def test_a_protected_resource_goes_where_its_delete_is_accepted() -> None:
    made = plan([], [live(W)], [entry(W, protect=True)], prune=True, allowed=frozenset({"G004:Widget/w"}))
    assert only(made).action == "delete"


def test_an_adoption_says_that_it_writes_no_secrets() -> None:
    desired = [want(W, credentials={"token": sealed("env:A", "x")})]
    observed = [live(W, credentials={"token": "********"})]
    made = plan(desired, observed, [])
    assert made.warnings == ("Widget/w: adopted without writing its secrets; --write-secret Widget/w writes them",)
    assert plan(desired, observed, [], write_secrets=frozenset({W})).warnings == ()
    assert plan([want(W)], [live(W)], []).warnings == ()
