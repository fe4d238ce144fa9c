"""Answers that never come: whatever happened to the request, the tenant ends as planned, once, and the ledger knows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.tenant_project import CONNECTORS, DATASETS, Setting, action, connector, dataset

BEFORE, AFTER, MALFORMED = {"drop": "before"}, {"drop": "after"}, {"malformed": True}


@pytest.mark.parametrize(("effect", "times"), [(BEFORE, 2), (AFTER, 1), (AFTER, 2), (MALFORMED, 1)])
@pytest.mark.parametrize("operation", ["create", "update", "move", "delete"])
def test_a_lost_answer_leaves_no_trace(setting: Setting, operation: str, effect: dict[str, object], times: int) -> None:
    project = setting.project
    draft = {"lifecycleStatus": "DRAFT"}
    if operation == "create":
        project.put("all.yaml", connector("crm"), dataset("people"))
        method = "POST"
    else:
        first = connector("crm", **(draft if operation == "move" else {}))
        project.put("all.yaml", first, dataset("people"))
        project.apply()
        method = "DELETE" if operation == "delete" else "PATCH"
        changes = {"description": "second"} if operation == "update" else {}
        kept = [] if operation == "delete" else [connector("crm", **changes)]
        tables = [] if operation == "delete" else [dataset("people", description="second")]
        project.put("all.yaml", *kept, *tables, dataset("other"))
    setting.fault(method, f"{CONNECTORS}*", times, **effect)
    setting.fault(method, f"{DATASETS}*", times, **effect)
    project.apply("--prune")
    setting.heal()
    names = {kind: sorted(setting.live(kind)) for kind in ("Connector", "Dataset")}
    if operation == "delete":
        assert names == {"Connector": [], "Dataset": ["other"]}
    else:
        assert names["Connector"] == ["crm"]
        assert "people" in names["Dataset"]
        live = setting.live("Connector")["crm"]
        assert live["lifecycleStatus"] == "ACTIVE"
        assert live["stored"]["authentication"]["credentials"]["password"] == "first-secret-value"
        assert project.entries["Connector/crm"]["id"] == live["id"]
    project.converged()
    assert project.run("ledger", "verify").ok()


def _records(setting: Setting) -> Iterator[dict[str, Any]]:
    """What the journal holds, records that were written together one by one."""
    for line in (setting.project.state / "journal.ndjson").read_text(encoding="utf-8").splitlines():
        record = json.loads(line.partition(" ")[2])
        yield from record["records"] if record["record"] == "group" else [record]


def test_an_answer_that_never_comes_is_reported_as_unknown_and_settled_by_resume(setting: Setting) -> None:
    """The connection breaks each time: after a bounded number of sends the outcome is left open, and said so."""
    project = setting.project
    project.put("all.yaml", connector("crm"), dataset("people"))
    mark = setting.mark
    setting.fault("POST", DATASETS, drop="before")
    ran = project.run("apply", "--yes", "--format", "json").ok(4)
    results = {item["key"]: item for item in ran.events if item["event"] == "result"}
    assert results["Connector/crm"]["outcome"] == "applied"
    assert results["Dataset/people"]["outcome"] == "unknown"
    assert results["Dataset/people"]["code"]
    assert 1 < setting.writes(mark).count(f"POST {DATASETS}") <= 5
    assert "Dataset/people" not in project.entries
    intents = [item for item in _records(setting) if item["record"] == "intent" and item["key"] == "Dataset/people"]
    assert len(intents) == setting.writes(mark).count(f"POST {DATASETS}")
    assert len({item["idempotency"] for item in intents}) == 1

    refused = project.run("apply", "--yes").ok(1)
    assert "L005" in refused.err
    assert "--resume" in refused.err
    setting.heal()
    project.run("apply", "--resume").ok()
    assert list(setting.live("Dataset")) == ["people"]
    project.converged()


def test_nothing_is_deleted_while_an_outcome_is_unknown(setting: Setting) -> None:
    project = setting.project
    project.put("all.yaml", dataset("people"), dataset("orders"))
    project.apply()
    project.put("all.yaml", dataset("people", description="second"), dataset("orders"))
    setting.fault("PATCH", f"{DATASETS}/*", drop="before")
    project.apply(code=1)
    setting.heal()
    project.put("all.yaml", dataset("people", description="second"))
    ran = project.run("plan", "--prune").ok(6)
    assert "G007" in ran.out
    project.run("apply", "--resume").ok()
    project.apply("--prune")
    assert list(setting.live("Dataset")) == ["people"]


@pytest.mark.parametrize("effect", [BEFORE, AFTER])
def test_a_lost_patch_that_names_one_item_of_a_map(setting: Setting, effect: dict[str, object]) -> None:
    """A patch says nothing of a map's other items; their presence must not make its effect look like somebody else's."""
    project = setting.project
    project.put("all.yaml", dataset("people"), action("enrich"))
    project.apply()
    columns = {"id": "string", "age": "number", "mail": "string"}
    environment = {"REGION": "us", "KEY": "${secret:env:SECRET_ONE}"}
    project.put("all.yaml", dataset("people", columns=columns), action("enrich", environment=environment))
    setting.fault("PATCH", "*", 1, **effect)
    setting.fault("PATCH", "*", 1, **effect)
    project.apply(SECRET_ONE="second-secret-value")
    assert set(setting.live("Dataset")["people"]["columns"]) == set(columns)
    assert setting.live("DataAction")["enrich"]["stored"]["environment"]["REGION"] == "us"
    project.run("plan", "--detailed-exitcode", SECRET_ONE="second-secret-value").ok(0)
