"""``export``: a tenant becomes manifests, on which a plan finds nothing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from reconciler.core.kind import Kind
from reconciler.core.wire import digest
from reconciler.engine.session import Session
from tests.support.project import Project, manifest
from tests.support.tenant_project import CONNECTORS, DATASETS, connector, dataset


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    """A project without manifests, on an embedded tenant without resources."""
    return Project.create(tmp_path / "project")


def _create(project: Project, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create a resource as somebody else would, in a tenant that is embedded."""

    async def work(kind: Kind) -> dict[str, Any]:
        async with session.client(write=True) as client:
            return dict((await client.create(kind, body, idempotency_key=digest(body))).body)

    with Session.open(project.root, "local", debug=lambda _: None, environ={}) as session:
        kinds = session.workspace.kinds
        found = next(kind for kind in kinds.values() if kind.wire and kind.wire.collection == path)
        session.extra_kinds = {found.name}
        return anyio.run(work, found)


def _table(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "primaryKey": "id", "columns": {"id": "string"}, **more}


def _manifests(project: Project) -> dict[str, str]:
    root = project.root / "manifests"
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_datasets_become_manifests_and_a_plan_is_empty(empty: Project) -> None:
    columns = {"id": {"type": "string", "maxLength": 20}, "since": {"type": "date", "nullable": False}, "age": "number"}
    _create(empty, DATASETS, _table("People & Co", columns=columns, description="Who calls: ${nobody}"))
    ran = empty.run("export").ok()
    assert ran.out == ("Wrote 1 manifest of local in 1 file to manifests; the ledger knows them now.\n  Dataset  1\n")
    assert ran.err == "next: reconciler plan, which finds nothing to do; then commit\n"
    assert _manifests(empty) == {
        "datasets/people-co.yaml": """\
apiVersion: cxone.reconciler/v1
kind: Dataset
metadata:
  name: people-co
spec:
  name: People & Co
  description: "Who calls: $${nobody}"
  primaryKey: id
  columns:
    id: {type: string, maxLength: 20}
    since: {type: date, nullable: false}
    age: number
"""
    }
    empty.converged()
    assert empty.run("fmt", "--check", "manifests").ok()
    assert empty.run("drift").ok()


def test_what_is_declared_already_is_left_alone(empty: Project) -> None:
    empty.put("people.yaml", dataset("people"))
    empty.apply()
    _create(empty, DATASETS, _table("other"))
    ran = empty.run("export").ok()
    assert (
        "Wrote 1 manifest of local in 1 file to manifests; the ledger knows them now; 1 is declared already." in ran.out
    )
    assert sorted(_manifests(empty)) == ["datasets/other.yaml", "people.yaml"]
    empty.converged()
    assert empty.run("export").ok().out == "Nothing to export from local: 2 are declared already.\n"


def test_an_empty_tenant(empty: Project) -> None:
    (empty.root / "manifests").rmdir()
    ran = empty.run("export").ok()
    assert (ran.out, ran.err) == ("Nothing to export from local.\n", "")
    assert not (empty.root / "manifests").exists()


def test_files_in_the_way(empty: Project) -> None:
    _create(empty, DATASETS, _table("people"))
    _create(empty, DATASETS, _table("pets"))
    empty.write("manifests/datasets/people.yaml", "")
    before = _manifests(empty)
    ran = empty.run("export").ok(64)
    assert ran.out == ""
    assert "manifests/datasets/people.yaml is there already; nothing was written" in ran.err
    assert "--overwrite" in ran.err
    assert _manifests(empty) == before
    assert not (empty.state / "ledger.json").exists()
    empty.run("export", "--overwrite").ok()
    empty.converged()
    edited = empty.root / "manifests/datasets/people.yaml"
    text = edited.read_text(encoding="utf-8")
    edited.write_text(text.replace("id: string", "id: string\n    extra: date"), encoding="utf-8")
    empty.run("export", "--overwrite").ok()
    assert edited.read_text(encoding="utf-8") == text
    empty.converged()


def test_dry_run_and_stdout_write_nothing(empty: Project) -> None:
    _create(empty, DATASETS, _table("people"))
    before = dict(empty.kept())
    ran = empty.run("export", "--dry-run").ok()
    assert ran.out.startswith("Would write 1 manifest of local in 1 file to manifests.")
    ran = empty.run("export", "--stdout").ok()
    assert ran.out.startswith("apiVersion: cxone.reconciler/v1\nkind: Dataset\n")
    assert "Would write 1 manifest" in ran.err
    assert dict(empty.kept()) == before


def test_json(empty: Project) -> None:
    empty.control("POST", "seed", {"seed": 1, "kinds": {"Connector": 2, "Dataset": 1}})
    found = empty.run("export", "--format", "json", "--dry-run").ok().json
    assert found["manifests"] == {"Connector": 2, "Dataset": 1}
    assert len(found["files"]) == 3
    assert found["dryRun"] is True
    assert {item["path"].rpartition(".")[0] for item in found["secrets"]} == {"authentication.credentials"}
    assert found["leftOut"] == []


def test_kinds_and_selectors(empty: Project) -> None:
    empty.control(
        "POST", "seed", {"seed": 1, "kinds": {"Connector": 3, "DataAction": 2, "EventStream": 1, "Dataset": 1}}
    )
    found = empty.run("export", "--kind", "eventstream", "--dry-run", "--format", "json").ok().json
    assert found["manifests"] == {"DataAction": 1, "EventStream": 1}
    assert len(found["along"]) == 1
    found = empty.run("export", "--only", "Connector/*-00001", "--dry-run", "--format", "json").ok().json
    assert found["manifests"] == {"Connector": 1}
    found = empty.run("export", "--exclude", "*/*-0000?", "--dry-run", "--format", "json").ok().json
    assert found["manifests"] == {}
    assert "no labels" in empty.run("export", "--only", "team=crm").ok(64).err
    assert "there is no kind 'Conector'" in empty.run("export", "--kind", "Conector").ok(64).err
    assert "no kind of resource" in empty.run("export", "--kind", "FieldMapping").ok(64).err


def test_one_file_a_kind(empty: Project) -> None:
    empty.control("POST", "seed", {"seed": 1, "kinds": {"Connector": 3, "Dataset": 2}})
    empty.run("export", "--split", "kind").ok()
    assert sorted(_manifests(empty)) == ["SECRETS.md", "connectors.yaml", "datasets.yaml"]
    assert empty.run("fmt", "--check", "manifests").ok()
    assert not empty.plan("--detailed-exitcode")["drift"]


def test_secrets_are_listed_and_nowhere_shown(empty: Project) -> None:
    empty.put("crm.yaml", connector("crm"))
    empty.environ["SECRET_ONE"] = "quite-secret-value"
    empty.apply()
    empty.clear()
    (empty.state / "ledger.json").unlink()
    ran = empty.run("export").ok()
    assert "CONNECTOR_CRM_PASSWORD  Connector/crm authentication.credentials.password" in ran.out
    text = _manifests(empty)
    assert "password: ${secret:env:CONNECTOR_CRM_PASSWORD}" in text["connectors/crm.yaml"]
    assert "| `CONNECTOR_CRM_PASSWORD` | Connector/crm | authentication.credentials.password |" in text["SECRETS.md"]
    assert "quite-secret-value" not in "".join(text.values()) + ran.all
    plan = empty.plan("--detailed-exitcode")
    assert [change["action"] for change in plan["changes"]] == ["none"]
    plan = empty.plan("--detailed-exitcode", CONNECTOR_CRM_PASSWORD="a-new-one", code=2)
    assert [change["action"] for change in plan["changes"]] == ["update"]


def test_secrets_at_hand_leave_nothing_to_do(empty: Project) -> None:
    empty.control("POST", "seed", {"seed": 1, "kinds": {"Connector": 1}})
    found = empty.run("export", "--dry-run", "--format", "json").ok().json
    environ = {item["variable"]: "as-it-is" for item in found["secrets"]}
    empty.run("export", **environ).ok()
    assert empty.plan("--detailed-exitcode", **environ)["changes"] == []


def test_shared_mappings_become_one_fragment(empty: Project) -> None:
    for name in ("crm-north", "crm-south"):
        body = {
            "name": name,
            "connectorType": "CUSTOM",
            "endpointUrl": "https://crm.example.com",
            "version": "1.0.0",
            "authentication": {"type": "BASIC", "credentials": {"username": "a", "password": "b"}},
            "mappings": [
                {"cxoneField": "a", "crmField": "A", "direction": "INBOUND"},
                {"cxoneField": "b", "crmField": "B", "direction": "OUTBOUND"},
            ][:: 1 if name == "crm-north" else -1],
        }
        _create(empty, CONNECTORS, body)
    empty.run("export").ok()
    text = _manifests(empty)
    assert (
        "mappings:\n    - {cxoneField: a, crmField: A, direction: INBOUND}" in text["field-mappings/crm-mappings.yaml"]
    )
    assert "mappingRefs: [crm-mappings]" in text["connectors/crm-north.yaml"]
    assert "mappingRefs: [crm-mappings]" in text["connectors/crm-south.yaml"]
    assert not empty.plan("--detailed-exitcode")["drift"]


def test_code_is_pinned_or_found(empty: Project) -> None:
    empty.control("POST", "seed", {"seed": 1, "kinds": {"DataAction": 1}})
    ran = empty.run("export").ok()
    assert "Code to provide (1)" in ran.out
    (name,) = [file for file in _manifests(empty) if file.startswith("data-actions/")]
    assert "sha256:" in _manifests(empty)[name]
    assert "the code is in the tenant only" in empty.run("validate").ok().out
    plan = empty.plan("--detailed-exitcode")
    assert [change["action"] for change in plan["changes"]] == ["none"]
    # Elsewhere there is nothing that could be sent.
    other = Project.create(empty.root.parent / "other")
    other.write(f"manifests/{name}", _manifests(empty)[name])
    refused = other.run("apply", "--yes").ok(6)
    assert "G030" in refused.all
    assert other.control("GET", "state")["counts"]["DataAction"] == 0


def test_the_code_of_the_project_is_recognised(empty: Project) -> None:
    empty.write("actions/find/index.js", "module.exports = async () => ({});\n")
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    spec = {"runtime": "nodejs20", "code": {"path": "actions/find"}, "inputs": schema, "outputs": schema}
    empty.put("find.yaml", manifest("DataAction", "find", spec))
    empty.apply()
    empty.clear()
    (empty.state / "ledger.json").unlink()
    empty.run("export", "--code", "actions").ok()
    assert "code:\n    path: actions/find\n" in _manifests(empty)["data-actions/find.yaml"]
    empty.converged()
    assert "not inside the project" in empty.run("export", "--code", "/").ok(64).err
    assert "no folder" in empty.run("export", "--code", "nowhere").ok(64).err


def test_ids_in_environments_become_references(empty: Project) -> None:
    empty.write("actions/find/index.js", "module.exports = async () => ({});\n")
    people = _create(empty, DATASETS, _table("people"))
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    environment = {
        "TABLE": people["id"],
        "URL": f"https://x.example/{people['id']}/rows?${{a}}",
        "OTHER": f"x{people['id']}",
    }
    spec = {"runtime": "nodejs20", "code": {"path": "actions/find"}, "inputs": schema, "outputs": schema}
    escaped = {name: value.replace("${", "$${") for name, value in environment.items()}
    empty.put("find.yaml", manifest("DataAction", "find", {**spec, "environment": escaped}))
    empty.apply()
    empty.clear()
    (empty.state / "ledger.json").unlink()
    empty.run("export", "--code", "actions").ok()
    text = _manifests(empty)["data-actions/find.yaml"]
    assert "TABLE: ${ref:Dataset/people.id}" in text
    assert "URL: https://x.example/${ref:Dataset/people.id}/rows?$${a}" in text
    assert f"OTHER: x{people['id']}" in text
    empty.converged()


def test_the_ledger_is_left_alone_on_demand(empty: Project) -> None:
    _create(empty, DATASETS, _table("people"))
    ran = empty.run("export", "--no-adopt").ok()
    assert "the first apply puts into the ledger" in ran.err
    assert not (empty.state / "ledger.json").exists()
    plan = empty.plan()
    assert [(change["action"], change["fields"]) for change in plan["changes"]] == [("adopt", [])]


def test_a_folder_that_no_plan_reads(empty: Project) -> None:
    _create(empty, DATASETS, _table("people"))
    ran = empty.run("export", "drafts").ok()
    assert "add drafts to spec.manifests" in ran.err
    assert (empty.root / "drafts/datasets/people.yaml").exists()
    assert not (empty.state / "ledger.json").exists()
    assert "not inside the project" in empty.run("export", "..").ok(64).err


def test_a_failure_leaves_everything_as_it_was(empty: Project) -> None:
    """What can be written is taken back when something else cannot: here a file stands where a folder is to be."""
    empty.control("POST", "seed", {"seed": 1, "kinds": {"Connector": 2, "Dataset": 2, "DataExtension": 1}})
    empty.write("manifests/datasets", "no folder\n")
    before = dict(empty.kept())
    ran = empty.run("export").ok(1)
    assert "and nothing was: " in ran.err
    assert "manifests/datasets" in ran.err
    assert dict(empty.kept()) == before
    assert not (empty.root / "manifests/connectors").exists()


def test_a_link_out_of_the_project_is_not_followed(empty: Project) -> None:
    _create(empty, DATASETS, _table("people"))
    (empty.root / "manifests").rmdir()
    outside = empty.root.parent / "outside"
    outside.mkdir()
    (empty.root / "manifests").symlink_to(outside)
    assert "project" in empty.run("export").ok(64).err
    assert list(outside.iterdir()) == []
