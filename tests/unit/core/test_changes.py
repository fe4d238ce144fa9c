"""What one change carries with it: marks, labels, the state that it is pinned to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Problem
from reconciler.core.resource import Desired, Key, Pin
from reconciler.core.values import ABSENT, Bundle, Secret
from reconciler.core.wire import live_digest
from tests.support.kinds import WIDGET, fingerprint
from tests.support.planning import G, V, W, actions, entry, live, only, plan, want


def declared(**fields: object) -> Desired:
    return replace(
        want(W, **fields),
        labels={"team": "crm"},
        annotations={"why": "so"},
        locate=lambda path: Mark("a.yaml", 1 + len(path), 1),
    )


def test_a_create_carries_all_that_its_manifest_says() -> None:
    desired = replace(declared(size=2, token=Secret("env:A", "x")), moved_from=V)
    change = only(plan([desired], [], [entry(V)]))
    assert (change.action, change.reason, change.moved_from) == ("create", "missing", V)
    assert (change.mark, change.labels, change.annotations) == (
        Mark("a.yaml", 1, 1),
        {"team": "crm"},
        {"why": "so"},
    )
    assert change.marks == {name: Mark("a.yaml", 2, 1) for name in ("name", "size", "token")}
    assert [(field.label, field.secret) for field in change.fields] == [("name", ""), ("size", ""), ("token", "new")]
    assert [(field.path, field.base, field.desired, field.live) for field in change.fields[:2]] == [
        (("name",), ABSENT, "w", ABSENT),
        (("size",), ABSENT, 2, ABSENT),
    ]
    assert change.entry is not None
    assert change.entry.fields["token"].fingerprint == fingerprint(Secret("env:A", "x"))


def test_an_update_carries_all_that_its_manifest_says() -> None:
    desired = replace(declared(size=2), moved_from=V)
    change = only(plan([desired], [live(V, "id-v", lastModifiedTime="noon")], [entry(V, size=1)]))
    assert (change.action, change.resource_id, change.live_name) == ("update", "id-v", "w")
    assert (change.reason, change.moved_from) == ("moved from Widget/v", V)
    assert (change.mark, change.labels, change.annotations) == (
        Mark("a.yaml", 1, 1),
        {"team": "crm"},
        {"why": "so"},
    )
    assert change.marks == {name: Mark("a.yaml", 2, 1) for name in ("name", "size")}
    assert change.modified == ("ann", "noon")


@pytest.mark.parametrize("etag", ["e1", ""])
def test_every_pin_knows_what_it_saw(etag: str) -> None:
    def pinned(style: str, **fields: object) -> Pin:
        seen = replace(live(W, size=1, **fields), etag=etag)
        found = only(plan([want(W, size=2)], [seen], [entry(W, size=1)], style=style)).pin
        assert found.digest == live_digest(WIDGET, seen.body)
        return replace(found, digest="")

    assert pinned("etag", version=7) == (Pin("etag", "e1") if etag else Pin("version", "7"))
    assert pinned("etag") == (Pin("etag", "e1") if etag else Pin("compare"))
    assert pinned("version", version=7) == Pin("version", "7")
    assert pinned("version") == Pin("compare")
    assert pinned("compare", version=7) == Pin("compare")


def test_what_is_forgotten_and_what_is_left_is_named() -> None:
    gone, kept = Key("Widget", "gone"), Key("Widget", "kept")
    made = plan([], [live(kept)], [entry(gone), entry(kept, retain=True)], prune=True)
    assert actions(made) == [("forget", "Widget/gone"), ("forget", "Widget/kept")]


def test_a_name_is_not_freed_by_a_change_of_something_else() -> None:
    made = plan([want(V, name="w"), want(W, size=2)], [live(W, size=1)], [entry(W, size=1)])
    assert [problem.code for problem in made.problems] == ["G016"]
    assert {change.key: change.after for change in made.changes} == {V: (), W: ()}


def test_code_that_is_known_by_its_digest_alone_cannot_be_sent() -> None:
    problem = Problem(
        "G030",
        "Gadget/g is declared by its code's digest alone, so that there is no code to send",
        "put the code into a folder of the project and name it in code.path",
        G,
    )
    assert plan([want(G, code=Bundle("aa"))], [], []).problems == (problem,)
    assert plan([want(G, code=Bundle("aa", {"f": "1"}, "code"))], [], []).problems == ()
    there = [live(G, codeSha256="bb")]
    assert plan([want(G, code=Bundle("aa"))], there, [entry(G)]).problems == (problem,)
    assert plan([want(G, code=Bundle("bb"))], there, [entry(G)]).problems == ()
