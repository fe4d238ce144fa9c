"""``reconciler audit``: every write and who made it, without bodies, and nothing changed afterwards without a trace."""

import json
from pathlib import Path

import pytest

from tests.support.kind_examples import EXAMPLES
from tests.support.project import Project, manifest


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that was applied, with a secret in it."""
    found = Project.create(tmp_path / "project")
    found.environ["SECRET_ONE"] = "first-secret-value"
    found.put("all.yaml", manifest("Connector", "crm", EXAMPLES["Connector"].spec))
    found.apply()
    return found


def records(project: Project) -> list[dict[str, object]]:
    return project.run("audit", "--format", "json").ok().events


def test_every_write_is_there_with_its_request_and_without_its_body(project: Project) -> None:
    found = records(project)
    assert [item["seq"] for item in found] == list(range(1, len(found) + 1))
    sent = [item for item in found if item["action"] == "request" and not str(item["path"]).endswith("/token")]
    assert [item["method"] for item in sent] == ["POST", "PATCH"]
    for item in sent:
        assert item["status"] in (200, 201)
        assert item["requestId"]
        assert isinstance(item["latencyMs"], int)
    assert [item["resource"] for item in found if item["action"] == "change"] == ["Connector/crm"]
    assert all("@" in str(item["actor"]) for item in found)
    stored = (project.state / "audit.ndjson").read_text(encoding="utf-8")
    assert "first-secret-value" not in stored
    assert "endpointUrl" not in stored


def test_text_and_the_newest(project: Project) -> None:
    whole = project.run("audit").ok().out.splitlines()
    assert len(whole) == len(records(project))
    assert project.run("audit", "--last", "2").ok().out.splitlines() == whole[-2:]
    assert "Connector/crm" in "\n".join(whole)


def test_before_anything_was_applied_there_is_nothing_and_nothing_wrong(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    assert project.run("audit").ok().out == ""
    assert project.run("audit", "--format", "json").ok().out == ""
    assert project.run("audit", "--verify").ok().out == "0 records, chain unbroken\n"


def test_the_chain_holds_over_runs(project: Project) -> None:
    project.run("forget", "Connector/crm").ok()
    project.run("adopt", "Connector/crm").ok()
    ran = project.run("audit", "--verify", "--format", "json").ok()
    assert ran.json == {"ok": True, "records": len(records(project)), "problems": []}
    assert [item["action"] for item in records(project)][-2:] == ["forget", "adopt"]


def test_a_changed_record_is_found(project: Project) -> None:
    path = project.state / "audit.ndjson"
    path.write_bytes(path.read_bytes().replace(b'"PATCH"', b'"POST"', 1))
    assert "was changed" in project.run("audit", "--verify").ok(1).out
    assert project.run("audit", "--verify", "--format", "json").ok(1).json["ok"] is False


@pytest.mark.parametrize("left", [0, 2])
def test_a_shortened_log_is_found_also_after_the_next_run(project: Project, left: int) -> None:
    path = project.state / "audit.ndjson"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:left]))
    assert "head" in project.run("audit", "--verify").ok(1).out
    project.run("forget", "Connector/crm").ok()
    ran = project.run("audit", "--verify").ok(1)
    assert f"record {left + 1} does not follow" in ran.out


def test_a_line_that_a_crash_left_is_no_problem(project: Project) -> None:
    path = project.state / "audit.ndjson"
    path.write_bytes(path.read_bytes() + b'{"seq": 99, "acti')
    project.run("audit", "--verify").ok()
    project.run("forget", "Connector/crm").ok()
    project.run("audit", "--verify").ok()
    assert json.loads(path.read_bytes().splitlines()[-1])["action"] == "forget"


def test_what_a_name_tries_is_shown_as_text(project: Project) -> None:
    path = project.state / "audit.ndjson"
    path.write_bytes(path.read_bytes().replace(b"Connector/crm", b"Connector/\\u001b[31mcrm"))
    assert "\x1b" not in project.run("audit").ok().out
