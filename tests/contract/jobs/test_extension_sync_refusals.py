"""What keeps an extension sync from being started at all."""

from __future__ import annotations

from pathlib import Path

from tests.support.emulator import running_emulator
from tests.support.sync_project import (
    KEY,
    PEOPLE,
    counts,
    report_of,
    sync_project,
)
from tests.support.sync_tenant import sync_tenant


def test_the_schema_is_compared_first(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        tenant.fields[1]["maxLength"] = 10
        tenant.fields[2]["type"] = "string"
        del tenant.fields[4]
        tenant.fields.append({"name": "tier", "type": "string", "nullable": False})
        ran = sync_project(tmp_path, tenant.url).run("run", KEY).ok(1)
    assert "name takes 10 characters there, not 40" in ran.out
    assert "age is a string there, not a number" in ran.out
    assert "active does not exist there" in ran.out
    assert "tier exists there, must not be null, and is not declared here" in ran.out
    assert "J002" in ran.out
    assert "apply" in ran.out
    assert tenant.starts == []


def test_what_is_not_applied_is_not_synchronised(tmp_path: Path) -> None:
    with running_emulator() as emulator:
        ran = sync_project(tmp_path, emulator.url).run("run", KEY).ok(1)
        assert not any(item["path"].endswith("/sync") for item in emulator.requests())
    assert "J002" in ran.out


def test_a_full_sync_of_a_broken_source_replaces_nothing(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url, people=PEOPLE + "p-4,Alan,many,,\n", syncMode="FULL")
        assert counts(report_of(project, code=4)) == (4, 0, 0, 1, 3)
        project.write("people.csv", "id,name,age,since,active\n")
        assert "would empty the extension" in project.run("run", KEY).ok(1).out
    assert tenant.starts == []
    assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out


def test_without_records_nothing_is_started(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url, people="id,name,age,since,active\n")
        assert counts(report_of(project)) == (0, 0, 0, 0, 0)
    assert tenant.starts == []


def test_a_file_without_a_column_for_the_extension_is_no_source(tmp_path: Path) -> None:
    with sync_tenant() as tenant:
        project = sync_project(tmp_path, tenant.url, people="a,b\n1,2\n")
        assert "J005" in project.run("run", KEY).ok(1).out
    assert tenant.starts == []


def test_a_refused_start_leaves_nothing_to_resume(tmp_path: Path) -> None:
    refusal = (400, {"code": "BAD", "message": "no such field"})
    with sync_tenant(refuse_start=refusal) as tenant:
        project = sync_project(tmp_path, tenant.url)
        assert "no such field" in project.run("run", KEY).ok(1).out
        assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out
