"""What keeps an extension sync from being started at all."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

from reconciler.jobs.extension_sync.serving import is_local, own_url
from tests.support.emulator import running_emulator
from tests.support.sync_project import (
    KEY,
    PEOPLE,
    complete,
    counts,
    extension,
    job,
    report_of,
    sync_project,
)
from tests.support.sync_tenant import SyncTenant, sync_tenant


def test_the_schema_is_compared_first(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
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
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url, people=PEOPLE + "p-4,Alan,many,,\n", syncMode="FULL")
        assert counts(report_of(project, code=4)) == (4, 0, 0, 1, 3)
        assert not list((project.state / "jobs" / "ExtensionSync-load").glob("pages*"))
        assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out
        project.write("people.csv", "id,name,age,since,active\n")
        assert "would empty the extension" in project.run("run", KEY).ok(1).out
    assert tenant.starts == []
    assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out


def test_without_records_nothing_is_started(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url, people="id,name,age,since,active\n")
        assert counts(report_of(project)) == (0, 0, 0, 0, 0)
    assert tenant.starts == []


def test_a_file_without_a_column_for_the_extension_is_no_source(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url, people="a,b\n1,2\n")
        assert "J005" in project.run("run", KEY).ok(1).out
    assert tenant.starts == []


def test_a_file_of_strangers_is_no_source_where_nothing_is_required_either(tmp_path: Path) -> None:
    fields = [{"name": "id", "type": "string"}, {"name": "_sourceSystem", "type": "string"}]
    with sync_tenant(script=complete, fields=fields) as tenant:
        project = sync_project(tmp_path, tenant.url, people="a,b\n1,2\n")
        project.put("all.yaml", extension(fields=fields), job())
        ran = project.run("run", KEY).ok(1)
    assert "has no column that the extension has a field for" in ran.out
    assert tenant.starts == []


def test_a_refused_start_leaves_nothing_to_resume(tmp_path: Path) -> None:
    refusal = (400, {"code": "BAD", "message": "no such field"})
    with sync_tenant(refuse_start=refusal) as tenant:
        project = sync_project(tmp_path, tenant.url)
        assert "no such field" in project.run("run", KEY).ok(1).out
        assert "nothing to resume" in project.run("run", KEY, "--resume").ok().out


def test_an_address_that_is_a_secret_is_shown_nowhere(tmp_path: Path) -> None:
    """The tenant is told; messages, reports and what is kept on disk are not, even where the tenant repeats it."""
    url = "http://127.0.0.1:9/export?key=a-key-that-nobody-may-see"
    refusal = (
        400,
        {"code": "BAD", "message": f"{url} is cold", "details": [{"field": "sourceEndpoint", "message": url}]},
    )
    with sync_tenant(refuse_start=refusal) as tenant:
        project = sync_project(tmp_path, tenant.url, source={"url": "${secret:env:TEST_SOURCE_URL}"})
        project.environ["TEST_SOURCE_URL"] = url
        refused = project.run("run", KEY, "-v", "--report", "json=report.json").ok(1)
        tenant.refuse_start, tenant.lose_answers = None, 5
        lost = project.run("run", KEY, "-v").ok(1)
    assert tenant.starts[0][1]["sourceEndpoint"] == url
    assert "is cold" in refused.all
    assert "a-key-that" not in refused.all + lost.all
    assert [path for path, content in project.kept() if b"a-key-that" in content] == []


def test_pages_of_a_source_that_breaks_off_are_not_left_behind(tmp_path: Path) -> None:
    with sync_tenant(script=complete) as tenant:
        project = sync_project(tmp_path, tenant.url, source={"path": "people.json", "format": "json"})
        project.write("people.json", '[{"id": "p-1"}, {"id": ')
        assert "J005" in project.run("run", KEY).ok(1).out
    assert not list((project.state / "jobs" / "ExtensionSync-load").glob("pages*"))
    assert tenant.starts == []


def test_what_only_this_machine_reaches_is_not_offered_to_a_tenant_elsewhere(tmp_path: Path) -> None:
    def script(tenant: SyncTenant, job: str) -> None:
        tenant.end(job, total=3)

    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("0.0.0.0").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    target = {"tls": {"caFile": "ca.pem"}}
    with sync_tenant(script=script, tls=tls) as tenant:
        project = sync_project(tmp_path, tenant.url, target=target)
        refused = project.run("run", KEY).ok(1)
        assert "write source.serve.listen and the publicUrl" in refused.out
        assert tenant.starts == []
        source = {"path": "people.csv", "format": "csv", "serve": {"publicUrl": "http://etl.example.com/"}}
        sync_project(tmp_path, tenant.url, target=target, source=source)
        warned = project.run("run", KEY).ok()
    assert "the job asks instead" in warned.err
    assert "webhookUrl" not in tenant.starts[0][1]


def test_which_addresses_only_this_machine_reaches() -> None:
    assert own_url("0.0.0.0:0", 81) == "http://127.0.0.1:81"
    assert own_url("[::]:0", 81) == "http://[::1]:81"
    assert own_url("10.1.2.3:0", 81) == "http://10.1.2.3:81"
    for url in (
        "http://127.0.0.1:81",
        "http://127.8.9.1",
        "http://[::1]:81/x",
        "http://localhost",
        "http://a.localhost:1/",
    ):
        assert is_local(url), url
    for url in ("https://etl.example.com", "http://10.1.2.3", "http://localhost.example.com"):
        assert not is_local(url), url
