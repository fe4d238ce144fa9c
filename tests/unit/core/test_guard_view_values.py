"""What a written guard sees of one change, value by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.guard_view import DEEPEST, before_tree, change_view, plain, plan_view
from reconciler.core.plan import Change, Cost, Header, Orphan, Plan, Step
from reconciler.core.resource import Entry, Key
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, Secret, Unknown
from tests.support.kinds import KINDS

W, V = Key("Widget", "w"), Key("Widget", "v")
PARTS = [{"id": "a", "x": 1}, {"id": "b", "x": 2}]
CHANGE = Change(
    W,
    "update",
    "live w",
    "id-w",
    steps=(Step("update", {}), Step("move", {})),
    fields=(
        FieldChange(("size",), "both", 1, 2, 3),
        FieldChange(("parts", "b", "x"), "ours", 1, 2, 1, keyed=1),
        FieldChange(("token",), "ours", ABSENT, Secret("env:A"), ABSENT, "new"),
    ),
    entry=Entry(W, "id-w", {"name": "live w", "size": 2, "parts": PARTS, "token": Secret("env:A")}),
    reason="moved from Widget/v",
    moved_from=V,
    mark=Mark("a.yaml", 3, 1),
    modified=("ann", "noon"),
    effects=(SchemaEffect("compatible", "c", "it comes"),),
    touches=(V,),
    labels={"team": "crm"},
    annotations={"why": "so"},
)
PLAIN = {"name": "live w", "size": 2, "parts": PARTS, "token": {"secret": True, "reference": "env:A"}}


def test_a_change_value_by_value() -> None:
    assert change_view(CHANGE, KINDS) == {
        "key": "Widget/w",
        "kind": "Widget",
        "name": "w",
        "liveName": "live w",
        "id": "id-w",
        "action": "update",
        "reason": "moved from Widget/v",
        "movedFrom": "Widget/v",
        "labels": {"team": "crm"},
        "annotations": {"why": "so"},
        "file": "a.yaml",
        "line": 3,
        "drifted": True,
        "conflicted": True,
        "fields": [
            {"path": "size", "status": "both", "before": 3, "after": 2, "secret": ""},
            {"path": "parts[b].x", "status": "ours", "before": 1, "after": 2, "secret": ""},
            {
                "path": "token",
                "status": "ours",
                "before": None,
                "after": {"secret": True, "reference": "env:A"},
                "secret": "new",
            },
        ],
        "before": {"name": "live w", "size": 3, "parts": [PARTS[0], {"id": "b", "x": 1}]},
        "after": PLAIN,
        "schemaChange": "compatible",
        "effects": [{"effect": "compatible", "column": "c", "message": "it comes"}],
        "touches": ["Widget/v"],
        "modifiedBy": "ann",
        "modifiedAt": "noon",
        "requests": 2,
    }


def test_what_is_not_there_is_empty() -> None:
    view = change_view(Change(W, "delete", "w"), KINDS)
    assert (view["file"], view["line"], view["movedFrom"], view["after"], view["schemaChange"]) == (
        "",
        0,
        "",
        {},
        "none",
    )
    both = (SchemaEffect("compatible", "c", "m"), SchemaEffect("breaking", "d", "m"))
    assert change_view(replace(CHANGE, effects=both), KINDS)["schemaChange"] == "breaking"


def test_only_what_is_read_is_made() -> None:
    assert change_view(CHANGE, KINDS, {"after": {"size": {}}, "key": {}, "unheard": {}}) == {
        "after": {"size": 2},
        "key": "Widget/w",
    }
    assert change_view(CHANGE, KINDS, {"before": {"parts": {}}})["before"].keys() == {"parts"}
    plan = Plan(Header(), (CHANGE,))
    assert plan_view(plan, KINDS, {"changes": {}}, {"key": {}}) == {"changes": [{"key": "Widget/w"}]}


def test_a_plan_value_by_value() -> None:
    seen = Plan(
        Header(),
        (CHANGE, Change(V, "none", "v"), Change(Key("Gadget", "g"), "create", "g")),
        (Orphan(V, "v", "1", "kept"),),
        unchanged=4,
        sizes={"Widget": 9},
        partial=True,
        manifests=5,
        cost=Cost(7, 2),
    )
    none = dict.fromkeys(("create", "update", "delete", "adopt", "forget", "drifted", "all"), 0)
    view = plan_view(seen, KINDS)
    assert [change["key"] for change in view.pop("changes")] == ["Widget/w", "Gadget/g"]
    assert view == {
        "counts": {**none, "create": 1, "update": 1, "drifted": 1, "all": 2},
        "kinds": {"Gadget": {**none, "create": 1, "all": 1}, "Widget": {**none, "update": 1, "drifted": 1, "all": 1}},
        "sizes": {"Widget": 9},
        "unchanged": 4,
        "manifests": 5,
        "orphans": 1,
        "partial": True,
        "requests": 7,
        "seconds": 2.0,
    }


def test_before_of_what_is_created_and_of_a_kind_that_is_gone() -> None:
    fields = (
        FieldChange(("name",), "ours", ABSENT, "w", ABSENT),
        FieldChange(("size",), "ours", ABSENT, 2, 1),
        FieldChange(("a", "b"), "ours", ABSENT, 2, 1),
    )
    assert before_tree(Change(W, "delete", "w", fields=fields), KINDS) == {"size": 1}
    entry = Entry(W, "1", {"size": 2})
    assert before_tree(Change(W, "create", "w", fields=fields, entry=entry), KINDS) == {"size": 1}
    gone = Change(Key("Gone", "w"), "update", "w", fields=fields[1:], entry=entry)
    assert before_tree(gone, KINDS) == {"size": 1, "a": {"b": 1}}
    assert entry.fields == {"size": 2}


def test_items_that_come_and_go_in_lists_inside_maps() -> None:
    def before(*fields: FieldChange) -> object:
        tree = {"settings": {"steps": [{"id": "a", "n": 1}, {"id": "b", "n": 1}]}}
        return before_tree(Change(W, "update", "w", fields=fields, entry=Entry(W, "1", tree)), KINDS)["settings"][
            "steps"
        ]

    a, b = {"id": "a", "n": 1}, {"id": "b", "n": 1}
    path = ("settings", "steps")
    assert before(FieldChange((*path, "b"), "ours", ABSENT, b, ABSENT, keyed=2)) == [a]
    assert before(FieldChange((*path, "c"), "ours", ABSENT, ABSENT, {"id": "c"}, keyed=2)) == [a, b, {"id": "c"}]
    assert before(FieldChange((*path, "b", "n"), "ours", 1, 1, ABSENT, keyed=2)) == [a, {"id": "b"}]


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_exactly_so_deep_a_value_may_be(wrap: object) -> None:
    deepest: object = Unknown("Widget", "w", "id")
    for _ in range(DEEPEST):
        deepest = wrap(deepest)  # type: ignore[operator]
    assert plain(deepest)
    with pytest.raises(ValueError, match=rf"^a value is nested deeper than {DEEPEST} levels$"):
        plain(wrap(deepest))  # type: ignore[operator]


def test_what_lies_deep_in_an_item_is_put_back_too() -> None:
    parts = [{"id": "a", "deep": {"x": 2, "y": 1}}]
    fields = (FieldChange(("parts", "a", "deep", "x"), "ours", 1, 2, 1, keyed=1),)
    change = Change(W, "update", "w", fields=fields, entry=Entry(W, "1", {"parts": parts}))
    assert before_tree(change, KINDS) == {"parts": [{"id": "a", "deep": {"x": 1, "y": 1}}]}
