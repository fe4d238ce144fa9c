"""From live to declared: short ids are never taken for references, circles are never closed, and fragments are shared."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.declare import Declared, Directory, declare
from reconciler.core.labels import folder_of, labels_for, variable_of
from reconciler.core.resource import Key, Observed
from reconciler.core.sharing import share
from reconciler.core.shorten import shorten
from reconciler.kinds import load_kinds

KINDS = load_kinds()
ACTION = {"codeSha256": "ab", "runtime": "nodejs20"}


def _declared(kind: str, body: dict[str, Any], directory: Directory, *, allowed: bool = True) -> Declared:
    live = Observed(kind, "own", {"name": "own", **body})
    return declare(KINDS[kind], Key(kind, "own"), live, directory, lambda path: path.upper(), lambda *_: allowed)


def test_only_ids_that_are_unmistakable_become_references() -> None:
    keys = {
        ("Dataset", "12345678"): Key("Dataset", "a"),
        ("Dataset", "1234567"): Key("Dataset", "short"),
        ("Dataset", "same-in-two"): Key("Dataset", "b"),
        ("Connector", "same-in-two"): Key("Connector", "b"),
    }
    environment = {"A": "12345678", "B": "1234567", "C": "same-in-two", "D": "x12345678", "E": "$${x}/12345678/${y}"}
    out = _declared("DataAction", {**ACTION, "environment": environment}, Directory.of(keys, {}))
    assert out.spec["environment"] == {
        "A": "${ref:Dataset/a.id}",
        "B": "1234567",
        "C": "same-in-two",
        "D": "x12345678",
        "E": "$$${x}/${ref:Dataset/a.id}/$${y}",
    }
    assert out.mentions == [Key("Dataset", "a")]
    kept = _declared("DataAction", {**ACTION, "environment": environment}, Directory.of(keys, {}), allowed=False)
    assert kept.spec["environment"]["A"] == "12345678"


def test_code_by_folder_by_digest_and_not_at_all() -> None:
    assert _declared("DataAction", ACTION, Directory(code={"ab": "actions/x"})).spec["code"] == {"path": "actions/x"}
    pinned = _declared("DataAction", ACTION, Directory())
    assert (pinned.spec["code"], pinned.pinned) == ({"sha256": "ab"}, True)
    assert "says nothing of its code" in _declared("DataAction", {}, Directory()).problems[0]


def test_what_refers_to_nothing_and_what_is_too_deep() -> None:
    assert "actionId is x" in _declared("EventStream", {"actionId": "x"}, Directory()).problems[0]
    deep: Any = {}
    for _ in range(100):
        deep = {"a": deep}
    assert "deeper" in _declared("DataAction", {**ACTION, "inputs": deep}, Directory()).problems[0]


@pytest.mark.parametrize(
    ("kind", "live", "short"),
    [
        (
            "Dataset",
            {"primaryKey": "a", "columns": {"a": {"type": "string", "nullable": False}, "b": {"type": "date", "nullable": True}}},
            {"primaryKey": "a", "columns": {"a": "string", "b": "date"}},
        ),
        (
            "Dataset",
            {"primaryKey": "a", "columns": {"b": {"type": "string", "nullable": False, "maxLength": 1}}},
            {"primaryKey": "a", "columns": {"b": {"type": "string", "nullable": False, "maxLength": 1}}},
        ),
        (
            "DataExtension",
            {"fields": [{"name": "a", "type": "string", "maxLength": 255, "nullable": True}], "storageLimitMb": 1024},
            {"fields": [{"name": "a", "type": "string"}]},
        ),
        ("Connector", {"syncSettings": {"batchSize": 500}, "mappings": [], "lifecycleStatus": "DRAFT", "description": ""}, {}),
        ("Connector", {"syncSettings": {"batchSize": 5, "retryAttempts": 3}, "version": None}, {"syncSettings": {"batchSize": 5}}),
    ],
)  # fmt: skip
def test_the_shortest_way_to_say_it(kind: str, live: dict[str, Any], short: dict[str, Any]) -> None:
    assert shorten(KINDS[kind], live) == short


def test_fragments_are_shared_and_known_ones_used() -> None:
    def using(name: str, *fields: str) -> Declared:
        mappings = [{"cxoneField": field, "crmField": field.upper(), "direction": "INBOUND"} for field in fields]
        return Declared(Key("Connector", name), Observed("Connector", name, {}), {"mappings": mappings})

    items = [using("crm-b", "y", "x"), using("crm-a", "x", "y"), using("other", "z"), using("lone", "q")]
    known = {Key("FieldMapping", "zed"): {"mappings": [{"crmField": "Z", "direction": "INBOUND", "cxoneField": "z"}]}}
    found = share(items, KINDS, known, {Key("FieldMapping", "crm-mappings"), *known})
    assert [(str(item.key), [part["cxoneField"] for part in item.spec["mappings"]]) for item in found] == [
        ("FieldMapping/crm-mappings-2", ["x", "y"])
    ]
    specs = {item.key.name: item.spec for item in items}
    assert specs["crm-a"] == specs["crm-b"] == {"mappingRefs": ["crm-mappings-2"]}
    assert specs["other"] == {"mappingRefs": ["zed"]}
    assert "mappings" in specs["lone"]


def test_names_of_all_sorts() -> None:
    assert labels_for(["A b", "a-b", "Ä", ""], {"x"}, "dataset") == {
        "": "dataset-e3b0c4",
        "A b": "a-b-a760b0",
        "a-b": "a-b",
        "Ä": "a",
    }
    assert labels_for(["a"], {"a"}, "dataset")["a"].startswith("a-")
    assert [folder_of(kind) for kind in ("DataAction", "Dataset", "Address")] == ["data-actions", "datasets", "address"]
    assert variable_of("Connector", "crm-1", "apiKey") == "CONNECTOR_CRM_1_API_KEY"
    assert [variable_of("1"), variable_of("😀")] == ["SECRET_1", "SECRET"]
