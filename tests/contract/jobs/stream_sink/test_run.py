"""`reconciler run StreamSink/…` from a published event to a row, and everything that people see of it."""

from __future__ import annotations

import urllib.request
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import Server, rows
from tests.support.sink import event, interactions
from tests.support.sink_project import KEY, Setting, setting


def test_events_are_stored_until_the_stream_is_idle(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        events = interactions(600, 1, keys=100, bad=0.1)
        here.tenant.publish(events)
        ran = here.run("--until-idle", "0.5", "--format", "json").ok()
        here.holds(events)
        account = here.account(ran)
        assert account["read"] == 600
        assert account["accepted"] + account["rejected"] == 600
        assert account["pending"] == 0
        assert account["balanced"]
        assert here.tenant.handshakes() == [101]
        again = here.account(here.run("--until-idle", "0.5", "--format", "json").ok())
        assert again["read"] == 600, "what was sent within the last seconds is repeated"
        here.holds(events)


def test_the_end_of_the_stream_is_the_end_of_the_run(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a", 1, duration=7)])
        process = here.project.spawn("run", KEY)
        here.tenant.connected()
        here.tenant.end()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        assert "the server has ended the stream" in err
        assert here.stored()["a"][1] == 7


@pytest.mark.parametrize("option", ["--no-input", "-v"])
def test_a_token_that_expires_is_no_reason_to_warn(tmp_path: Path, database: str, option: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a")])
        process = here.project.spawn("run", KEY, "--max-events", "2", option)
        here.tenant.until(lambda state: any(item["confirmed"] for item in state["connections"]))
        here.tenant.close(4001)
        here.tenant.publish([event("b")])
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "warning" not in err
        assert ("the token has expired (4001)" in err) == ("connected again" in err) == (option == "-v"), err


def test_a_connection_that_breaks_is_a_warning(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a")])
        process = here.project.spawn("run", KEY, "--max-events", "2")
        here.tenant.until(lambda state: any(item["confirmed"] for item in state["connections"]))
        here.tenant.close(1011)
        here.tenant.publish([event("b")])
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "the connection ended with 1011" in err
        assert "connected again" in err


def test_a_number_of_events_is_an_end_too(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event(f"k{number}") for number in range(50)])
        account = here.account(here.run("--max-events", "1", "--format", "json").ok())
        assert account["read"] >= 1
        assert account["pending"] == 0


def test_a_table_that_differs_ends_the_run_and_loses_nothing(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.run("--until-idle", "0.2").ok()
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE events ALTER COLUMN duration TYPE smallint")
        here.tenant.publish([event("a", duration=40_000)])
        ran = here.run("--until-idle", "0.5").ok(1)
        assert "duration is smallint, and the manifest declares integer" in ran.all
        assert 'ALTER TABLE "events" ALTER COLUMN "duration" TYPE integer' in ran.all
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("ALTER TABLE events ALTER COLUMN duration TYPE integer")
        here.run("--until-idle", "0.5").ok()
        assert here.stored()["a"][1] == 40_000


def test_a_database_that_was_never_reached_is_an_error(tmp_path: Path, database: str, postgres: Server) -> None:
    password = "open-sesame-42"
    nowhere = f"postgresql://someone:{password}@127.0.0.1:9/nowhere"
    with setting(tmp_path, nowhere) as here:
        ran = here.run("--until-idle", "0.5").ok(1)
        assert "cannot be reached" in ran.all
        assert "nowhere on 127.0.0.1" in ran.all
        rehearsed = here.run("--dry-run").ok(1)
        assert "cannot be reached" in rehearsed.all
        assert "check the URL" in rehearsed.all
        assert password not in rehearsed.all
        assert password not in ran.all
        for _, content in here.project.kept():
            assert password.encode() not in content


def test_a_role_that_may_only_read_is_told_before_events_come(tmp_path: Path, database: str) -> None:
    role = f"reader_{uuid.uuid4().hex}"
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN")
        owner.execute(f"REVOKE TEMPORARY ON DATABASE {owner.info.dbname} FROM PUBLIC")
        try:
            with setting(tmp_path, database.replace("postgres@", f"{role}@")) as here:
                rehearsed = here.run("--dry-run").ok(1).all
                assert f'GRANT CREATE ON SCHEMA "public" TO "{role}";' in rehearsed
                assert f'GRANT TEMPORARY ON DATABASE "{owner.info.dbname}" TO "{role}";' in rehearsed
                owner.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
                owner.execute(f"GRANT TEMPORARY ON DATABASE {owner.info.dbname} TO {role}")
                here.run("--until-idle", "0.2").ok()
                for table in ("events", "events_rejected"):
                    owner.execute(f"ALTER TABLE {table} OWNER TO CURRENT_USER")
                    owner.execute(f"GRANT SELECT ON {table} TO {role}")
                here.tenant.publish([event("a", duration=4)])
                for option in ("--dry-run", "--quiet"):
                    told = here.run(option, *(() if option == "--dry-run" else ("--until-idle", "0.5"))).ok(1).all
                    for right in ('INSERT ON "events"', 'UPDATE ON "events"', 'INSERT ON "events_rejected"'):
                        assert f'GRANT {right} TO "{role}";' in told
                owner.execute(f"GRANT INSERT, UPDATE ON events, events_rejected TO {role}")
                here.run("--until-idle", "0.5").ok()
                assert owner.execute("SELECT duration FROM events").fetchall() == [(4,)]
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


def test_what_is_no_url_is_an_error(tmp_path: Path) -> None:
    with setting(tmp_path, "postgresql://[") as here:
        assert "no PostgreSQL URL" in here.run().ok(1).all


def test_a_stream_that_is_not_applied_or_paused(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        with here.tenant.emulator.client() as api:
            address = f"/api/v2/data-actions/streams/{here.tenant.stream}"
            etag = api.get(address).headers["etag"]
            paused = api.patch(address, json={"status": "PAUSED"}, headers={"If-Match": etag})
            ran = here.run().ok(1)
            assert "paused" in ran.all
            assert "status: ACTIVE" in ran.all
            api.delete(address, headers={"If-Match": paused.headers["etag"]}).raise_for_status()
        assert "apply" in here.run().ok(1).all


def test_a_missing_scope_is_named(tmp_path: Path, database: str) -> None:
    from reconciler.emulator import Client
    from tests.support.emulator import running_emulator
    from tests.support.sink_tenant import fill

    narrow = Client("narrow", "narrow-secret", frozenset({"data-actions:read"}))
    with running_emulator(clients=(Client("local", "local-secret"), narrow)) as running:
        here = Setting.make(tmp_path, fill(running), database)
        rule = {"match": {"path": "/data-actions/*"}, "times": 1, "effect": {"status": 403}}
        running.control("POST", "faults", {"rules": [rule]})
        ran = here.run("--until-idle", "0.2").ok(3)
        assert "403" in ran.all
        assert "data-actions:read" in ran.all


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a")])
        ran = here.run("--dry-run").ok()
        assert 'would run: CREATE TABLE "events"' in ran.all
        assert 'would run: CREATE TABLE "events_rejected"' in ran.all
        assert "is active" in ran.all
        assert rows(database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'events%'") == [(0,)]
        assert here.tenant.handshakes() == [], "nothing was received, as it would have been gone"


def test_corrected_dead_letters_are_replayed(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a", duration=12.5), event("b", duration=1)])
        here.run("--until-idle", "0.5").ok()
        (wrong,) = here.letters()
        mended = tmp_path / "mended.ndjson"
        mended.write_text(wrong.replace("12.5", "12") + "\n\n" + wrong.replace("12.5", "13.5") + "\n")
        dry = here.run("--replay", str(mended), "--dry-run", "--format", "json").ok().json["jobs"][0]
        assert (dry["account"]["read"], dry["account"]["quarantined"], dry["account"]["pending"]) == (2, 1, 1)
        assert any("13.5, which is no whole number" in text for text in dry["messages"])
        account = here.account(here.run("--replay", str(mended), "--format", "json").ok())
        assert (account["read"], account["accepted"], account["rejected"]) == (2, 1, 1)
        assert {key: row[1] for key, row in here.stored().items()} == {"a": 12, "b": 1}


def test_options_that_other_jobs_do_not_know(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        sync = {"connectorRef": "crm", "syncType": "FULL"}
        here.project.put(
            "sync.yaml",
            {"apiVersion": "cxone.reconciler/v1", "kind": "ConnectorSync", "metadata": {"name": "s"}, "spec": sync},
        )
        assert here.project.run("run", "ConnectorSync/s", "--until-idle", "1").code in (64, 78)


def test_figures_are_served_while_it_runs(tmp_path: Path, database: str) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a"), event("b", duration=0.5)])
        process = here.project.spawn("run", KEY, "--metrics-port", str(port))
        here.tenant.connected()
        here.tenant.until(lambda state: state["connections"][0]["confirmed"] == 2)
        found = ""
        while 'reconciler_job_events_dead_lettered_total{job="StreamSink/calls"} 1.0' not in found:
            assert process.poll() is None
            try:
                found = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            except OSError:
                continue
        for name in (
            "events_accepted_total",
            "lag_seconds",
            "spool_bytes",
            "spool_events",
            "stream_reconnects",
            "events_per_second",
        ):
            assert f'reconciler_job_{name}{{job="StreamSink/calls"}}' in found
        here.tenant.close(1000)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err


def test_what_was_done_is_in_the_audit_log(tmp_path: Path, database: str) -> None:
    with setting(tmp_path, database) as here:
        here.tenant.publish([event("a")])
        here.run("--until-idle", "0.3").ok()
        entries = {entry["action"]: entry for entry in here.project.run("audit", "--format", "json").ok().events}
        assert entries["stream_sink_started"]["table"] == "events"
        counts = {"read": 1, "accepted": 1, "deadLettered": 0, "pending": 0}
        assert entries["stream_sink_ended"]["counts"] == counts
