"""What the oldest version wrote is still read: plan, ledger, journal and audit log. What a newer one wrote is refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from reconciler.core.resource import Key
from reconciler.core.values import Secret
from reconciler.engine.planfiles import read_plan
from reconciler.engine.resuming import journaled_plan
from reconciler.engine.state.audit import verify
from reconciler.engine.state.journal import FORMAT_VERSION, replay
from reconciler.engine.state.journal_lines import line_of
from reconciler.engine.state.ledger import ledger_bytes, parse_ledger
from tests.support.project import Project

FORMATS = Path(__file__).parents[1] / "golden" / "formats"
OLDEST = FORMATS / "1"
KEYS = ["Connector/crm", "DataAction/enrich", "Dataset/beside", "EventStream/calls"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project that those files are of, on an empty tenant and with no state of its own."""
    shutil.copytree(OLDEST / "project", tmp_path / "project")
    return Project(tmp_path / "project", {"SECRET_ONE": "first-secret-value"})


def restore(project: Project, *files: Path) -> None:
    """Put files where the target keeps its state."""
    project.state.mkdir(parents=True)
    for file in files:
        shutil.copy(file, project.state / file.name)


def test_the_ledger_reads_back_and_is_written_as_it_was() -> None:
    data = (OLDEST / "ledger.json").read_bytes()
    ledger = parse_ledger(data)
    assert sorted(map(str, ledger.entries)) == KEYS
    assert (ledger.stack, ledger.target, ledger.serial > 0) == ("demo", "emulator:", True)
    action = ledger.entries[Key("DataAction", "enrich")]
    secret = action.fields["environment"]["KEY"]
    assert isinstance(secret, Secret)
    assert secret.fingerprint
    assert ledger.entries[Key("EventStream", "calls")].dependencies == (Key("DataAction", "enrich"),)
    assert ledger_bytes(ledger) == data


def test_the_plan_reads_back_with_its_digest(project: Project) -> None:
    plan = read_plan(OLDEST / "plan.json")
    assert [(str(change.key), change.action) for change in plan.changes] == [
        ("Connector/crm", "create"),
        ("DataAction/enrich", "create"),
        ("Dataset/beside", "create"),
        ("EventStream/calls", "create"),
    ]
    assert "4 to create" in project.run("show", str(OLDEST / "plan.json")).ok().out


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_journal_reads_back_and_is_gone_on_with(project: Project, version: str) -> None:
    left = FORMATS / version / "interrupted"
    state = replay((left / "journal.ndjson").read_bytes())
    assert state is not None
    assert (state.undecided, state.ended) == ((Key("Connector", "crm"),), False)
    assert len(journaled_plan(state).changes) == 4
    restore(project, *left.iterdir())
    assert "an earlier apply was interrupted" in project.run("plan").out
    project.run("apply", "--resume").ok()
    assert sorted(project.entries) == KEYS
    project.converged()


def test_what_a_journal_says_of_requests_that_were_not_sent_reads_back() -> None:
    """Of eight changes two at a time, some of which were on record before their turn, until a signal came."""
    data = (FORMATS / "2" / "stopped" / "journal.ndjson").read_bytes()
    stopped = replay(data)
    assert stopped is not None
    assert sorted(key.name for key in stopped.done) == ["aa", "bb", "cc", "crm", "dd"]
    assert (stopped.undecided, stopped.ahead, stopped.ended) == ((), {}, False)
    assert {key.name for key, entry, _ in stopped.entries if entry is not None} == {"aa", "bb", "cc", "crm", "dd"}
    died = replay(b"".join(data.splitlines(keepends=True)[:-1]))
    assert died is not None
    assert [key.name for key in died.ahead] == ["ee", "ff"]
    assert [key.name for key in died.undecided] == ["cc", "old", "dd", "ee", "ff"]


def test_the_audit_log_reads_back_and_its_chain_holds(project: Project) -> None:
    restore(project, OLDEST / "ledger.json", OLDEST / "audit.ndjson")
    project.run("audit", "--verify").ok()
    project.run("ledger", "verify").ok()
    records = [json.loads(line) for line in (OLDEST / "audit.ndjson").read_text(encoding="utf-8").splitlines()]
    assert verify(records, json.loads((OLDEST / "ledger.json").read_bytes())["audit_head"]) == []


def test_a_newer_ledger_is_refused_in_words(project: Project) -> None:
    restore(project, OLDEST / "ledger.json")
    path = project.state / "ledger.json"
    path.write_bytes(path.read_bytes().replace(b'"format_version": 1', b'"format_version": 2'))
    ran = project.run("plan").ok(1)
    assert (
        "error[L001]: the ledger .reconciler/local/ledger.json has format 2, and this version of the tool reads up to 1"
        in ran.err
    )
    assert "newer version of the tool" in ran.err


def test_a_newer_journal_is_refused_in_words_and_can_be_given_up(project: Project) -> None:
    restore(project, OLDEST / "ledger.json")
    header = {"record": "header", "format_version": FORMAT_VERSION + 1, "run": "r", "anew": True}
    (project.state / "journal.ndjson").write_bytes(line_of(header))
    for arguments in (["apply", "--resume"], ["apply", "--yes"]):
        ran = project.run(*arguments).ok(1)
        assert (
            "error[L001]: the journal .reconciler/local/journal.ndjson has format 3, and this version of the tool reads up to 2"
            in ran.err
        )
        assert "--discard-journal" in ran.err
    project.run("ledger", "unlock", "--discard-journal").ok()
    project.run("plan").ok()


def test_a_newer_plan_is_refused_in_words(project: Project, tmp_path: Path) -> None:
    data = json.loads((OLDEST / "plan.json").read_bytes())
    newer = tmp_path / "plan.json"
    newer.write_text(json.dumps(data | {"format_version": "2.0"}), encoding="utf-8")
    ran = project.run("apply", str(newer)).ok(1)
    assert "error[F001]" in ran.err
    assert "2.0" in ran.err
    assert "the version of reconciler that wrote it" in ran.err
