"""``doctor``: one line for each thing that a command needs, with the fix where it fails."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import parse_client
from tests.support.bucket import Bucket
from tests.support.bucket_fixtures import bucket, buckets
from tests.support.cxone import closed_port
from tests.support.emulator import running_emulator
from tests.support.project import Project, Ran, manifest
from tests.support.tenant_project import action, connector, dataset, stream

__all__ = ["bucket", "buckets"]


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


def found(project: Project, *arguments: str, code: int = 0, **environ: str) -> dict[str, dict[str, str]]:
    ran = project.run("doctor", "--format", "json", *arguments, **environ).ok(code)
    return {item["subject"]: item for item in ran.json}


def test_each_command_has_its_scopes(tmp_path: Path) -> None:
    client = parse_client("local:local-secret:data-actions:read data-actions:write crm:connectors:read")
    with running_emulator(clients=(client,)) as emulator:
        project = Project.create(tmp_path, url=emulator.url)
        sync = manifest("ConnectorSync", "nightly", {"connectorRef": "crm", "syncType": "FULL"})
        project.put("all.yaml", connector("crm"), action("enrich"), sync)
        project.write("code/index.js", "module.exports = async () => ({});\n")
        project.environ["SECRET_ONE"] = "x"
        lines = found(project, code=1)
        assert "crm:connectors:write" in lines["scopes for apply"]["fix"]
        assert lines["scopes for run ConnectorSync"]["state"] == "FAIL"
        assert "crm:connectors:write" in lines["scopes for run ConnectorSync"]["fix"]
        assert lines["scopes for test"]["state"] == "FAIL"
        only = found(project, "--for", "run", code=1)
        assert "scopes for test" not in only
        assert "scopes for apply" not in only
        assert {"scopes for plan, drift", "scopes for run ConnectorSync"} <= only.keys()


def test_a_client_that_may_only_read_is_enough_for_plan(tmp_path: Path) -> None:
    client = parse_client("local:local-secret:data-actions:read data:read crm:connectors:read")
    with running_emulator(clients=(client,)) as emulator:
        project = Project.create(tmp_path, url=emulator.url)
        project.put("people.yaml", dataset("people"))
        lines = found(project, "--for", "plan")
        assert "scopes for apply" not in lines
        assert found(project, "--for", "plan", "--for", "apply", code=1)["scopes for apply"]["state"] == "FAIL"


def test_a_ledger_on_this_machine_is_worth_a_warning_in_ci_and_a_failure_where_it_must_be_shared(
    tmp_path: Path,
) -> None:
    with running_emulator() as emulator:
        project = Project.create(tmp_path, url=emulator.url)
        project.put("people.yaml", dataset("people"))
        assert "shared ledger" not in found(project)
        assert found(project, CI="true")["shared ledger"]["state"] == "warn"
        line = found(project, "--require-shared-ledger", code=1)["shared ledger"]
        assert line["state"] == "FAIL"
        assert "s3://" in line["fix"]
        assert "shared ledger" in found(project, code=1, RECONCILER_REQUIRE_SHARED_LEDGER="1")


def shared(tmp_path: Path, bucket: Bucket) -> Project:
    project = Project.create(tmp_path / "shared", target={"ledger": bucket.url})
    project.environ |= bucket.environ
    project.put("people.yaml", dataset("people"))
    return project


def test_a_shared_ledger_is_tried_out_and_left_as_it_was(tmp_path: Path, bucket: Bucket) -> None:
    project = shared(tmp_path, bucket)
    project.apply()
    before = bucket.listed()
    lines = found(project, "--require-shared-ledger")
    assert lines["shared ledger"]["message"] == (
        f"s3://{bucket.name}/cxone/prod can be read and written, and honours the conditions of writes"
    )
    assert lines["lock"]["message"] == "free"
    assert bucket.listed() == before
    asked = len(bucket.requests())
    assert "can be read" in found(project, "--for", "plan")["shared ledger"]["message"]
    assert not any(line.startswith(("PUT", "POST", "DELETE")) for line in bucket.requests()[asked:])


def test_a_shared_ledger_that_cannot_be_used(tmp_path: Path, bucket: Bucket) -> None:
    project = shared(tmp_path, bucket)
    bucket.fault("PUT", "*", status=403, code="AccessDenied")
    line = found(project, code=1)["shared ledger"]
    assert "read and not written" in line["message"]
    assert "s3:PutObject" in line["fix"]
    bucket.fault("PUT", "*", ignore=True)
    assert "ignores the conditions" in found(project, code=1)["shared ledger"]["message"]
    bucket.fault("*", "*", status=403, code="AccessDenied")
    line = found(project, code=1)["ledger"]
    assert (line["state"], "access is denied" in line["message"]) == ("FAIL", True)
    bucket.heal()
    with bucket.store().lease("ada@host", "apply", 0):
        assert "held by ada@host" in found(project)["lock"]["message"]
