"""What written guards see: every documented field, of the documented type, and never a secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.compare import compare
from reconciler.core.diagnostic import Mark
from reconciler.core.guard_neutral import misfit, neutral_change, neutral_plan
from reconciler.core.guard_view import (
    CHANGE_FIELDS,
    PLAN_FIELDS,
    before_tree,
    change_view,
    local_view,
    plain,
    plan_view,
)
from reconciler.core.plan import Change, Cost, Header, Plan, Step
from reconciler.core.projection import both, pruned, reading
from reconciler.core.resource import Entry, Key
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Tree, Unknown
from reconciler.engine.clock import parse
from reconciler.kinds import load_kinds

KINDS = load_kinds()
CONNECTOR = KINDS["Connector"]
KEY = Key("Connector", "crm")


def update(live: Tree, desired: Tree, base: Tree | None = None) -> Change:
    found = compare(CONNECTOR, base or {}, desired, live, fingerprint=lambda secret: secret.fingerprint)
    return Change(
        KEY,
        "update",
        "crm",
        "id-1",
        steps=(Step("update", found.patch),),
        fields=found.changes,
        entry=Entry(KEY, "id-1", desired),
        mark=Mark("manifests/crm.yaml", 3, 1),
        modified=("eve", "2026-01-01T00:00:00Z"),
        labels={"team": "a"},
        effects=(SchemaEffect("breaking", "age", "column is dropped"),),
    )


LIVE: Tree = {
    "name": "crm",
    "endpointUrl": "https://old",
    "mappings": [
        {"cxoneField": "phone", "crmField": "Phone", "direction": "INBOUND"},
        {"cxoneField": "gone", "crmField": "Gone", "direction": "INBOUND"},
    ],
    "authentication": {"type": "API_KEY", "credentials": {"apiKey": MASKED}},
}
DESIRED: Tree = {
    "name": "crm",
    "endpointUrl": "https://new",
    "mappings": [
        {"cxoneField": "phone", "crmField": "Mobile", "direction": "INBOUND"},
        {"cxoneField": "mail", "crmField": "Email", "direction": "INBOUND"},
    ],
    "authentication": {"type": "API_KEY", "credentials": {"apiKey": Secret("env:KEY", "value", "mark")}},
}


def test_every_field_is_there_and_of_its_type() -> None:
    view = change_view(update(LIVE, DESIRED), KINDS)
    assert view.keys() == CHANGE_FIELDS.keys()
    assert {
        name: misfit(CHANGE_FIELDS[name], value) for name, value in view.items() if misfit(CHANGE_FIELDS[name], value)
    } == {}
    plan = Plan(Header(), (update(LIVE, DESIRED),), cost=Cost(2, 1.5))
    seen = plan_view(plan, KINDS)
    assert seen.keys() == PLAN_FIELDS.keys()
    assert {name for name, value in seen.items() if misfit(PLAN_FIELDS[name], value)} == set()
    assert seen["counts"]["update"] == seen["kinds"]["Connector"]["all"] == 1
    assert json.dumps(seen)


def test_neutral_values_have_the_same_fields_and_types() -> None:
    change, plan = (
        neutral_change({"key": "Dataset/a"}),
        neutral_plan({"changes": [{"key": "Dataset/a", "action": "delete"}]}),
    )
    assert change.keys() == CHANGE_FIELDS.keys()
    assert plan.keys() == PLAN_FIELDS.keys()
    for fields, values in ((CHANGE_FIELDS, change), (PLAN_FIELDS, plan)):
        assert {name for name, value in values.items() if misfit(fields[name], value)} == set()
    assert (change["kind"], change["name"], change["liveName"]) == ("Dataset", "a", "a")
    real = plan_view(Plan(Header(), (Change(Key("Dataset", "a"), "delete", "a"),)), KINDS)
    assert plan["counts"] == real["counts"]
    assert plan["kinds"] == real["kinds"]


def test_a_secret_never_shows_its_value() -> None:
    view = change_view(update(LIVE, DESIRED), KINDS)
    assert "value" not in {item for part in json.dumps(view).split('"') for item in [part]}
    assert view["after"]["authentication"]["credentials"]["apiKey"] == {"secret": True, "reference": "env:KEY"}
    assert view["before"]["authentication"]["credentials"]["apiKey"] == {"secret": True, "reference": ""}


def test_before_is_what_is_live_of_what_is_declared() -> None:
    before = before_tree(update(LIVE, DESIRED), KINDS)
    assert before["endpointUrl"] == "https://old"
    assert sorted(item["cxoneField"] for item in before["mappings"]) == ["gone", "phone"]
    assert next(item for item in before["mappings"] if item["cxoneField"] == "phone")["crmField"] == "Phone"
    assert before_tree(Change(KEY, "create", "crm", fields=update({}, DESIRED).fields), KINDS) == {}


@given(st.data())
def test_before_undoes_the_change(data: st.DataObject) -> None:
    """For tables, what `before` shows is the live columns, whatever was added, dropped or changed."""
    columns = st.dictionaries(
        st.sampled_from("abcd"), st.fixed_dictionaries({"type": st.sampled_from(["string", "number"])}), max_size=4
    )
    live, desired = ({"name": "t", "columns": data.draw(columns)} for _ in range(2))
    found = compare(KINDS["Dataset"], {}, desired, live, fingerprint=lambda secret: secret.fingerprint)
    key = Key("Dataset", "t")
    change = Change(key, "update", "t", fields=found.changes, entry=Entry(key, "i", desired))
    assert before_tree(change, KINDS) == live


def test_leaves_and_numbers() -> None:
    assert plain(ABSENT) is None
    assert plain(Unknown("Dataset", "a", "id")) == {"unknown": "${ref:Dataset/a.id}"}
    assert plain(Template(("x/", Unknown("Dataset", "a", "id")))) == {"unknown": "x/${ref:Dataset/a.id}"}
    assert plain(Bundle("ab")) == {"bundle": "ab"}
    assert plain(2**63 - 1) == 2**63 - 1
    assert plain(2**70) == float(2**70)
    assert plain(10**400) == str(10**400)
    assert plain("a\ud800") == "a?"
    nested: object = 1
    for _ in range(200):
        nested = [nested]
    with pytest.raises(ValueError, match="nested deeper"):
        plain(nested)


def test_the_time_on_the_wall() -> None:
    view = local_view(parse("2026-03-29T09:05:00+02:00"))
    assert view == {
        "weekday": "Sunday",
        "date": "2026-03-29",
        "time": "09:05",
        "year": 2026,
        "month": 3,
        "day": 29,
        "hour": 9,
        "minute": 5,
    }


paths = st.lists(st.lists(st.sampled_from("abc"), max_size=3).map(tuple), min_size=1, max_size=4)
trees = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)


def at(tree: object, path: tuple[str, ...]) -> object:
    for part in path:
        tree = tree.get(part, ABSENT) if isinstance(tree, dict) else ABSENT
    return tree


@given(paths, paths, trees)
def test_what_is_read_is_left(first: list[tuple[str, ...]], second: list[tuple[str, ...]], tree: object) -> None:
    for path in first:
        assert at(pruned(tree, reading(first)), path) == at(tree, path)
    together = both(reading(first), reading(second))
    for path in (*first, *second):
        assert at(pruned(tree, together), path) == at(tree, path)
    assert together == reading([*first, *second])
