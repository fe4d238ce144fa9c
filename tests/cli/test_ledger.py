"""``reconciler ledger``: what was last applied, who holds it, and whether it holds together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from reconciler.core.resource import Entry, Key, Pin
from reconciler.engine.state.file_store import FileStore
from reconciler.engine.state.journal import entry_record, pin_to_json
from reconciler.engine.state.journal_lines import NAME
from reconciler.engine.state.journal_writer import Journal
from reconciler.errors import LeaseLost
from tests.support.journals import plan_of
from tests.support.kind_examples import EXAMPLES
from tests.support.project import Project, manifest

LATE = Key("Dataset", "late")
TABLE = {"primaryKey": "id", "columns": {"id": "string"}}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that was applied: a table, and a connector with a secret that depends on nothing."""
    found = Project.create(tmp_path / "project")
    found.environ["SECRET_ONE"] = "first-secret-value"
    found.put(
        "all.yaml", manifest("Dataset", "people", TABLE), manifest("Connector", "crm", EXAMPLES["Connector"].spec)
    )
    found.apply()
    return found


def interrupt(project: Project, *more: str) -> None:
    """Leave the journal of an apply that was killed after one answer and before another, or before ``more`` than that."""

    async def work() -> None:
        journal = Journal(FileStore(project.state))
        ledger = json.loads((project.state / "ledger.json").read_bytes())
        plan = plan_of(ledger["stack"], ledger["target"])
        journal.begin({"run": "r1", "started": "2026-01-01T00:00:00Z"}, plan)
        await journal.append(entry_record(LATE, Entry(LATE, "d9", {"name": "late"}), None))
        pin = pin_to_json(Pin("absent"))
        for key in ("Dataset/open", *more):
            await journal.append({"record": "intent", "key": key, "step": 0, "id": "", "pin": pin})

    anyio.run(work)


def test_list_shows_keys_ids_and_live_names(project: Project) -> None:
    ids = {key: entry["id"] for key, entry in project.entries.items()}
    lines = [line.split() for line in project.run("ledger", "list").ok().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["Connector/crm", ids["Connector/crm"]],
        ["Dataset/people", ids["Dataset/people"]],
    ]
    listed = project.run("ledger", "list", "--format", "json").ok().json
    assert listed[1] == {"key": "Dataset/people", "id": ids["Dataset/people"], "name": "people"}


def test_an_empty_ledger_lists_nothing(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    ran = project.run("ledger", "list").ok()
    assert ran.out == ""
    assert "nothing" in ran.err
    assert project.run("ledger", "list", "--format", "json").ok().json == []


def test_show_gives_what_was_applied_but_no_secret_and_no_fingerprint(project: Project) -> None:
    text = project.run("ledger", "show", "Connector/crm").ok()
    data = project.run("ledger", "show", "Connector/crm", "--format", "json").ok()
    assert data.json["fields"]["name"] == "crm"
    assert "(secret from env:SECRET_ONE)" in text.out
    assert "(secret from env:SECRET_ONE)" in data.out
    for ran in (text, data):
        assert "first-secret-value" not in ran.all
        assert "fingerprint" not in ran.all


def test_a_secret_that_was_never_known_is_shown_as_such(project: Project) -> None:
    path = project.state / "ledger.json"
    stored = json.loads(path.read_bytes())
    stored["entries"]["Dataset/people"]["fields"]["odd"] = {"@reconciler": {"secret": "env:X", "fingerprint": ""}}
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert "value is not known" in project.run("ledger", "show", "Dataset/people").ok().out


@pytest.mark.parametrize(("key", "words"), [("Dataset/nobody", "does not know"), ("people", "Kind/name")])
def test_show_of_an_unknown_key_is_a_usage_error(project: Project, key: str, words: str) -> None:
    assert words in project.run("ledger", "show", key).ok(64).err


def test_verify_finds_nothing_wrong_after_an_apply(project: Project) -> None:
    ran = project.run("ledger", "verify", "--format", "json").ok()
    assert ran.json["ok"] is True
    assert {item["subject"] for item in ran.json["findings"]} == {"ledger", "journal", "audit log", "lock"}
    assert "FAIL" not in project.run("ledger", "verify").ok().out


def test_verify_names_two_keys_with_one_resource_and_a_key_without(project: Project) -> None:
    path = project.state / "ledger.json"
    stored = json.loads(path.read_bytes())
    people = stored["entries"]["Dataset/people"]
    stored["entries"]["Dataset/twin"] = people
    stored["entries"]["Dataset/void"] = {**people, "id": ""}
    path.write_text(json.dumps(stored), encoding="utf-8")
    ran = project.run("ledger", "verify").ok(1)
    assert "Dataset/people and Dataset/twin claim the same live resource" in ran.out
    assert "Dataset/void has no id" in ran.out


@pytest.mark.parametrize("name", ["ledger.json", NAME, "audit.ndjson"])
def test_verify_reports_damage_and_still_checks_the_rest(project: Project, name: str) -> None:
    path = project.state / name
    data = path.read_bytes()
    path.write_bytes(b"damage\n" + data)
    ran = project.run("ledger", "verify", "--format", "json").ok(1)
    assert ran.json["ok"] is False
    bad = {item["subject"] for item in ran.json["findings"] if not item["ok"]}
    assert bad == {"ledger.json": {"ledger"}, NAME: {"journal"}, "audit.ndjson": {"audit log"}}[name]


@pytest.mark.parametrize("arguments", [["plan"], ["apply", "--yes"], ["ledger", "list"], ["drift"]])
def test_a_damaged_ledger_is_one_clear_error_everywhere(project: Project, arguments: list[str]) -> None:
    path = project.state / "ledger.json"
    path.write_bytes(path.read_bytes()[:-30])
    ran = project.run(*arguments).ok(1)
    assert "error[L001]" in ran.err
    assert "help:" in ran.err


def test_a_ledger_of_another_stack_is_refused(project: Project) -> None:
    path = project.state / "ledger.json"
    path.write_bytes(path.read_bytes().replace(b'"stack": "demo"', b'"stack": "other"'))
    ran = project.run("plan").ok(1)
    assert "error[L000]" in ran.err
    assert "other" in ran.err


def test_a_freeze_names_who_and_why_and_ends(project: Project) -> None:
    project.run("ledger", "lock", "--purpose", "migration \x1b[31mtonight").ok()
    again = project.run("ledger", "lock").ok(1)
    assert "error[L002]" in again.err
    assert "migration" in again.err
    assert "frozen by" in project.run("ledger", "verify").ok().out
    ended = project.run("ledger", "unlock").ok()
    assert "was frozen by" in ended.out
    assert "\x1b" not in again.all + ended.all
    assert project.run("ledger", "unlock").ok().out == "not locked\n"
    project.apply()


def test_unlock_leaves_a_running_command_its_lock(project: Project) -> None:
    with FileStore(project.state).lease("ada@host", "apply", 0):
        assert "held by ada@host" in project.run("ledger", "unlock").ok(64).out
        assert "error[L002]" in project.run("ledger", "unlock", "--discard-journal").ok(1).err
        assert "error[L002]" in project.run("ledger", "lock").ok(1).err
    project.run("ledger", "lock").ok()


def test_an_interrupted_apply_can_be_given_up(project: Project) -> None:
    interrupt(project)
    refused = project.run("apply", "--yes").ok(1)
    assert "error[L005]" in refused.err
    assert "--discard-journal" in refused.err
    ran = project.run("ledger", "unlock", "--discard-journal").ok()
    assert "2026-01-01T00:00:00Z" in ran.out
    assert "Dataset/open" in ran.err
    assert project.entries["Dataset/late"]["id"] == "d9"
    project.run("ledger", "verify").ok()
    project.run("audit", "--verify").ok()
    assert "no apply was interrupted" in project.run("ledger", "unlock", "--discard-journal").ok().out
    project.apply()


def test_of_many_requests_whose_end_is_not_known_a_few_are_named(project: Project) -> None:
    interrupt(project, *(f"Dataset/open-{number:02}" for number in range(12)))
    said = project.run("ledger", "unlock", "--discard-journal").ok().err.splitlines()
    assert [line.split(":")[0] for line in said if "is not known" in line] == [
        "Dataset/open",
        *(f"Dataset/open-{number:02}" for number in range(9)),
    ]
    rest = "The same goes for 3 more, whose intents are in "
    kept = next(line for line in said if line.startswith(rest)).removeprefix(rest).removesuffix(".")
    assert "Dataset/open-11" in (project.state / kept).read_text(encoding="utf-8")


def test_a_damaged_journal_can_be_given_up(project: Project) -> None:
    interrupt(project)
    path = project.state / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"damage\n", *lines[1:]]))
    refused = project.run("apply", "--resume").ok(1)
    assert "error[L001]" in refused.err
    assert "--discard-journal" in refused.err
    assert "damaged" in project.run("ledger", "unlock", "--discard-journal").ok().err
    project.apply()


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("y\n", 0)])
def test_unlock_asks_before_a_running_command_loses_its_lock(project: Project, answer: str, code: int) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "reconciler", "ledger", "unlock"]
    with FileStore(project.state).lease("ada@host", "apply", 0) as lease:
        os.write(ours, answer.encode())
        ran = subprocess.run(
            command,
            cwd=project.root,
            env={**os.environ, **project.environ},
            stdin=theirs,
            capture_output=True,
            timeout=60,
        )
        os.close(ours)
        os.close(theirs)
        assert ran.returncode == code, ran.stderr
        assert b"Take the lock away?" in ran.stderr
        assert b"held by ada@host" in ran.stderr
        if code:
            lease.confirm()
            assert ran.stdout == b""
        else:
            assert ran.stdout.startswith(b"was held by ada@host")
            with pytest.raises(LeaseLost):
                lease.confirm()


def test_unlock_with_yes_does_not_ask(project: Project) -> None:
    with FileStore(project.state).lease("ada@host", "apply", 0) as lease:
        assert project.run("ledger", "unlock", "--yes").ok().out.startswith("was held by ada@host")
        with pytest.raises(LeaseLost):
            lease.confirm()
    assert project.run("ledger", "unlock", "--yes").ok().out == "not locked\n"
