"""``doctor``: one line for each thing that a command needs, with the fix where it fails."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import parse_client
from tests.support.cxone import closed_port
from tests.support.emulator import running_emulator
from tests.support.project import Project, Ran, manifest
from tests.support.tenant_project import action, connector, dataset, stream


def test_all_is_well(project: Project) -> None:
    project.apply()
    ran = project.run("doctor").ok(0)
    assert ran.err == ""
    assert "FAIL" not in ran.out
    for subject in ("project", "manifests", "ledger", "Connector", "Dataset", "scopes"):
        assert subject in ran.out
    found = project.run("doctor", "--format", "json").ok(0).json
    assert {item["state"] for item in found} <= {"ok", "warn"}


def test_each_failure_comes_with_its_fix(tmp_path: Path) -> None:
    with closed_port() as port:
        project = Project.create(tmp_path, url=f"http://127.0.0.1:{port}", target={"timeoutSeconds": 1})
        project.put("people.yaml", dataset("people", primaryKey="nothing"))
        ran = project.run("doctor", "--format", "json").ok(1)
    failed = [item for item in ran.json if item["state"] == "FAIL"]
    assert "manifests" in {item["subject"] for item in failed}
    assert all(item["message"] for item in failed)
    assert len(failed) > 1


def test_without_credentials(tmp_path: Path) -> None:
    project = Project.create(tmp_path, url="http://127.0.0.1:9")
    project.put("people.yaml", dataset("people"))
    del project.environ["TEST_CLIENT_SECRET"]
    ran = project.run("doctor").ok(1)
    assert "TEST_CLIENT_SECRET" in ran.out
    assert project.run("plan").ok(78).err.count("TEST_CLIENT_SECRET") >= 1


def states(ran: Ran) -> dict[str, str]:
    return {item["subject"]: item["state"] for item in ran.json}


def test_a_scope_that_is_missing_is_held_against_those_kinds_alone_that_need_it(tmp_path: Path) -> None:
    client = parse_client("local:local-secret:data-actions:read data:read")
    with running_emulator(clients=(client,)) as emulator:
        project = Project.create(tmp_path, url=emulator.url)
        project.put("people.yaml", dataset("people"))
        found = states(project.run("doctor", "--format", "json").ok(1))
        assert found["scopes for plan, drift"] == "ok"
        assert found["scopes for apply"] == "FAIL"
        assert (found["Dataset"], found["DataExtension"], found["Connector"]) == ("ok", "ok", "warn")
        project.put("crm.yaml", connector("crm"))
        ran = project.run("doctor", "--format", "json").ok(1)
        found = states(ran)
        assert found["scopes for plan, drift"] == "FAIL"
        assert (found["token"], found["Dataset"], found["Connector"]) == ("ok", "ok", "FAIL")
        fixes = {item["subject"]: item["fix"] for item in ran.json}
        assert fixes["scopes for apply"].endswith("crm:connectors:read and crm:connectors:write and data-actions:write")


def test_what_the_ledger_owns_counts_as_used(tmp_path: Path) -> None:
    with running_emulator() as emulator:
        project = Project.create(tmp_path, url=emulator.url)
        project.put("people.yaml", dataset("people"))
        project.apply()
        project.clear()
        found = {item["subject"]: item["message"] for item in project.run("doctor", "--format", "json").ok(0).json}
        assert found["scopes for plan, drift"] == "data-actions:read"


def test_a_project_file_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    project = Project.create(tmp_path, prune="maybe", nonsense=1)
    (found,) = project.run("doctor", "--format", "json").ok(1).json
    assert found["message"].startswith("2 errors in reconciler.yaml")
    assert "\n" not in found["message"]
    assert "validate" in found["fix"]


def test_tls_and_databases_have_their_lines(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    sink = {
        "streamRef": "calls",
        "eventSchema": {"properties": {"id": {"type": "string"}}, "required": ["id"]},
        "table": {"name": "events", "columns": {"id": "text"}, "conflictKey": "id"},
    }
    project.put("all.yaml", action("enrich"), stream("calls", "enrich"), manifest("StreamSink", "events", sink))
    project.write("code/index.js", "module.exports = async () => ({});\n")
    project.environ["SECRET_ONE"] = "x"
    found = {item["subject"]: item for item in project.run("doctor", "--format", "json").ok(0).json}
    assert found["TLS"]["message"] == "not needed: the emulator is embedded"
    assert "StreamSink/events" in found["database"]["message"]
    assert found["database"]["state"] in ("ok", "warn")


def test_v_tells_of_its_requests(project: Project) -> None:
    assert " → 200 in " in project.run("doctor", "-v").ok(0).err
    assert "  > Authorization: (secret)" in project.run("doctor", "-vv").ok(0).err
