"""``ledger`` and ``audit``: what was last applied, by whom, and whether anybody tampered with it."""

from __future__ import annotations

import json

from tests.support.project import Project


def test_ledger_list_and_show(project: Project) -> None:
    ran = project.run("ledger", "list").ok()
    assert ran.out == ""
    assert "nothing yet" in ran.err
    project.apply()
    assert project.run("ledger", "list").ok().out.startswith("Dataset/people")
    (entry,) = project.run("ledger", "list", "--format", "json").ok().json
    assert (entry["key"], entry["name"]) == ("Dataset/people", "people")
    assert "description: first" in project.run("ledger", "show", "Dataset/people").ok().out
    shown = project.run("ledger", "show", "Dataset/people", "--format", "json").ok().json
    assert shown["fields"]["description"] == "first"
    assert "ledger list" in project.run("ledger", "show", "Dataset/nothing").ok(64).err


def test_tampering_is_found(project: Project) -> None:
    project.apply()
    assert "chain unbroken" in project.run("audit", "--verify").ok().out
    assert project.run("ledger", "verify", "--format", "json").ok().json["ok"] is True
    log = project.state / "audit.ndjson"
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:-1]), encoding="utf-8")
    assert "shortened" in project.run("audit", "--verify").ok(1).out
    record = json.loads(lines[0])
    record["actor"] = "nobody@nowhere"
    log.write_text("".join([json.dumps(record) + "\n", *lines[1:]]), encoding="utf-8")
    assert project.run("audit", "--verify", "--format", "json").ok(1).json["problems"]
    assert project.run("ledger", "verify").ok(1).out.count("FAIL") >= 1


def test_the_audit_log_tells_what_was_sent(project: Project) -> None:
    project.apply()
    records = project.run("audit", "--format", "json").ok().events
    assert [record["action"] for record in records] == ["apply-began", "request", "change", "apply-ended"]
    assert records[1]["method"] == "POST"
    assert records[1]["requestId"]
    assert len(project.run("audit", "--last", "2").ok().out.splitlines()) == 2
