"""The account of a difference in one line and as JSON."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.difference import Difference, Item, Side, difference_to_json, summary
from reconciler.core.resource import Key
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, Secret

W, V, U = Key("Widget", "w"), Key("Widget", "v"), Key("Widget", "u")
SIZE = FieldChange(("parts", "p", "x"), "ours", 1, 3, 2, keyed=1)
LABEL = FieldChange(("labels", "team"), "ours", ABSENT, "crm", ABSENT)
TOKEN = FieldChange(("token",), "ours", ABSENT, ABSENT, Secret("env:A"))
FULL = Item(
    W,
    "resource",
    "moved",
    (SIZE, TOKEN),
    (LABEL,),
    "live w",
    V,
    Mark("a.yaml", 3, 1),
    (SchemaEffect("breaking", "c", "it goes"), SchemaEffect("compatible", "d", "it comes")),
    (("index.js", "changed"),),
    (U,),
    touches_more=True,
)
ADDED = Item(U, "job", "added", (replace(LABEL, path=("name",)),))
FOUND = Difference(
    Side("main", "ab" * 20),
    Side("work tree"),
    "prod",
    (ADDED, FULL),
    (replace(LABEL, path=("prune",)), LABEL),
    5,
    (V,),
    ("careful",),
    ("--only Widget/*",),
)


def test_all_that_differs_is_counted_in_one_line() -> None:
    assert summary(FOUND) == (
        "1 added, 0 changed, 0 removed, 1 moved, 1 breaking, 2 settings of the project, 1 not compared"
    )
    assert summary(Difference(Side("a"), Side("b"))) == "0 added, 0 changed, 0 removed"
    assert summary(replace(FOUND, items=(), left_out=(), settings=FOUND.settings[:1])).endswith(
        "0 removed, 1 setting of the project"
    )


def test_each_thing_that_differs_makes_a_difference() -> None:
    same = Difference(Side("a"), Side("b"), unchanged=9, warnings=("careful",))
    assert not same.differs
    assert replace(same, items=(ADDED,)).differs
    assert replace(same, settings=(LABEL,)).differs
    assert replace(same, left_out=(V,)).differs
    assert FOUND.breaking == (FULL,)
    assert not replace(FULL, effects=FULL.effects[1:]).breaking


def test_the_difference_as_json() -> None:
    absent = {"@reconciler": {"absent": True}}
    label = {"keyed": -1, "before": absent, "after": "crm"}
    assert difference_to_json(FOUND) == {
        "format_version": "1.0",
        "summary": summary(FOUND),
        "before": {"label": "main", "detail": "ab" * 20},
        "after": {"label": "work tree", "detail": ""},
        "target": "prod",
        "narrowed": ["--only Widget/*"],
        "unchanged": 5,
        "items": [
            {
                "key": "Widget/u",
                "class": "job",
                "status": "added",
                "name": "",
                "movedFrom": None,
                "source": None,
                "fields": [{**label, "label": "name", "path": ["name"]}],
                "settings": [],
                "effects": [],
                "bundleFiles": [],
                "touches": [],
                "touchesMore": False,
            },
            {
                "key": "Widget/w",
                "class": "resource",
                "status": "moved",
                "name": "live w",
                "movedFrom": "Widget/v",
                "source": "a.yaml:3:1",
                "fields": [
                    {"label": "parts[p].x", "path": ["parts", "p", "x"], "keyed": 1, "before": 2, "after": 3},
                    {
                        "label": "token",
                        "path": ["token"],
                        "keyed": -1,
                        "before": {"@reconciler": {"secret": "env:A", "fingerprint": ""}},
                        "after": absent,
                    },
                ],
                "settings": [{**label, "label": "labels.team", "path": ["labels", "team"]}],
                "effects": [
                    {"effect": "breaking", "column": "c", "message": "it goes"},
                    {"effect": "compatible", "column": "d", "message": "it comes"},
                ],
                "bundleFiles": [["index.js", "changed"]],
                "touches": ["Widget/u"],
                "touchesMore": True,
            },
        ],
        "settings": [
            {**label, "label": "prune", "path": ["prune"]},
            {**label, "label": "labels.team", "path": ["labels", "team"]},
        ],
        "leftOut": ["Widget/v"],
        "warnings": ["careful"],
    }
