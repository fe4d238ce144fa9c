"""``reconciler run``: what it takes, how it reports, and the exit code that follows from the report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconciler.cli.run import exit_code
from reconciler.core.resource import Key
from reconciler.errors import AuthenticationError, JobFailed, ReconcilerError, SecretUnavailable
from reconciler.jobs.report import Account, JobReport, Verdict, verdict_of
from tests.support.project import Project, manifest
from tests.support.tenant_project import connector, dataset

ROOT = Path(__file__).resolve().parents[2]
KEY = Key("Ingestion", "load")
DONE = Account(10, 10)


def _report(account: Account | None = None, error: ReconcilerError | None = None, **more: object) -> JobReport:
    return JobReport(KEY, account, error=error, **more)  # type: ignore[arg-type]


REPORTS: list[tuple[JobReport, Verdict, int]] = [
    (_report(), "done", 0),
    (_report(DONE), "done", 0),
    (_report(Account(10, 8, 1, 1), limit=20), "done", 0),
    (_report(Account(10, 8, 1, 1), limit=19.9), "partial", 4),
    (_report(Account(10, 0, 0, 10), limit=2), "partial", 4),
    (_report(Account(10, 9, pending=1)), "partial", 4),
    (_report(Account(10, 0, pending=10), dry_run=True), "done", 0),
    (_report(Account(10, 9)), "failed", 1),
    (_report(Account(10, 10), error=JobFailed("x")), "partial", 4),
    (_report(Account(10, 0, pending=10), error=JobFailed("x")), "failed", 1),
    (_report(error=AuthenticationError("x")), "denied", 3),
    (_report(Account(10, 5, pending=5), error=AuthenticationError("x")), "partial", 4),
    (_report(error=SecretUnavailable("x")), "invalid", 78),
    (_report(Account(10, 5, pending=5), signal=2), "interrupted", 130),
    (_report(signal=15), "interrupted", 143),
]


@pytest.mark.parametrize(("report", "verdict", "code"), REPORTS)
def test_the_exit_code_follows_from_the_report(report: JobReport, verdict: Verdict, code: int) -> None:
    assert report.verdict == verdict
    assert exit_code(verdict, report.signal) == code


def test_of_several_jobs() -> None:
    done, failed, denied = _report(DONE), _report(error=JobFailed("x")), _report(error=AuthenticationError("x"))
    stopped, partly = _report(signal=2), _report(Account(10, 9, pending=1))
    assert verdict_of(()) == verdict_of((done, done)) == "done"
    assert verdict_of((done, failed)) == verdict_of((failed, partly)) == "partial"
    assert verdict_of((failed, failed)) == "failed"
    assert verdict_of((failed, denied)) == "denied"
    assert verdict_of((done, stopped)) == "interrupted"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "project")
    made.put("tables.yaml", dataset("people"))
    spec = {"datasetRef": "people", "source": {"path": "*.csv", "format": "csv"}}
    made.put("jobs.yaml", manifest("Ingestion", "load", spec), manifest("Ingestion", "again", spec))
    made.write("people.csv", "id,age\n1,30\n2,x\n")
    return made


def test_jobs_run_one_after_another_on_the_embedded_target(project: Project) -> None:
    project.apply()
    ran = project.run("run", "Ingestion/load", "Ingestion/again", "--format", "json").ok(4)
    assert [job["key"] for job in ran.json["jobs"]] == ["Ingestion/load", "Ingestion/again"]
    assert [job["account"]["accepted"] for job in ran.json["jobs"]] == [1, 1]
    id_ = project.entries["Dataset/people"]["id"]
    assert project.control("GET", f"datasets/{id_}/records")["records"] == [{"id": "1", "age": 30}]
    project.run("audit", "--verify").ok()


def test_reports_in_every_format(project: Project) -> None:
    project.apply()
    reports = [f"--report={form}=out.{form}" for form in ("json", "markdown", "junit")]
    ran = project.run("run", "Ingestion/load", *reports).ok(4)
    assert "2 read = 1 accepted + 0 rejected + 1 quarantined + 0 pending: 50.00 % refused" in ran.out
    assert json.loads((project.root / "out.json").read_text())["jobs"][0]["verdict"] == "partial"
    assert "| `Ingestion/load` | partly done | 2 | 1 | 0 | 1 | 0 |" in (project.root / "out.markdown").read_text()
    suite = ElementTree.parse(project.root / "out.junit").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


def test_before_an_apply(project: Project) -> None:
    ran = project.run("run", "Ingestion/load").ok(1)
    assert "error[J002]: Dataset/people is not in the tenant yet" in ran.out
    assert "reconciler apply -t local" in ran.out
    assert not (project.state / "ledger.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["load"], "Kind/name"),
        (["Ingestion/lod"], "did you mean `Ingestion/load`"),
        (["Dataset/people"], "Dataset/people is a resource, and no job to run"),
        (["Ingestion/load", "--replay", "none.ndjson"], "no such file"),
        (["Ingestion/load", "Ingestion/again", "--replay", "people.csv"], "one job"),
        (["Ingestion/load", "--resume", "--replay", "people.csv"], "exclude each other"),
        (["Ingestion/load", "--metrics-port", "many"], "PORT or HOST:PORT"),
        (["Ingestion/load", "--metrics-port", "70000"], "PORT or HOST:PORT"),
        (["Ingestion/load", "--report", "html=x"], "FORMAT=FILE"),
        (["Ingestion/load", "--report", "json=none/x"], "no folder"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    project: Project, arguments: list[str], message: str
) -> None:
    ran = project.run("run", *arguments).ok(64)
    assert message.casefold() in ran.err.casefold()
    assert not (project.state / "jobs").exists()


@pytest.mark.parametrize("option", [["--dry-run"], ["--replay", "people.csv"]])
def test_options_that_a_job_does_not_know(project: Project, option: list[str]) -> None:
    project.put("crm.yaml", connector("crm"), manifest("ConnectorSync", "hourly", {"connectorRef": "crm"}))
    project.environ["SECRET_ONE"] = "x"
    assert "ConnectorSync/hourly" in project.run("run", "ConnectorSync/hourly", *option).ok(64).err


def test_metrics_while_a_job_runs(project: Project) -> None:
    project.apply()
    project.run("run", "Ingestion/load", "--metrics-port", "127.0.0.1:0").ok(4)


def test_quiet_says_nothing_but_the_document(project: Project) -> None:
    project.apply()
    assert project.run("run", "Ingestion/load", "-q").ok(4).err == ""


def _sample(tmp_path: Path) -> Project:
    shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler"))
    return Project(tmp_path / "sample")


def _commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    commands = [line.split() for block in blocks for line in block.splitlines()]
    assert all(words.pop(0) == "reconciler" for words in commands)
    return commands


def test_the_page_about_ingestion(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "jobs" / "ingestion.md").read_text(encoding="utf-8")
    project = _sample(tmp_path)
    project.apply()
    dry, real, replay = _commands(page)
    assert "14 read = 0 accepted + 0 rejected + 6 quarantined + 8 pending" in project.run(*dry).out
    ran = project.run(*real)
    account = "14 read = 8 accepted + 0 rejected + 6 quarantined + 0 pending"
    assert account in ran.out
    assert account in page
    aside = project.root / replay[-1]
    entries = [json.loads(line) for line in aside.read_text().splitlines()]
    assert {"row", "file", "column", "reason", "by", "record"} == entries[0].keys()
    entries[0]["record"]["Reported"] = "28.02.2026"
    aside.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert "6 read = 1 accepted + 0 rejected + 5 quarantined + 0 pending" in project.run(*replay).out


def test_the_page_about_connector_syncs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "jobs" / "connector-sync.md").read_text(encoding="utf-8")
    project = _sample(tmp_path)
    project.apply()
    [command] = _commands(page)
    said = project.run(*command).ok().out
    assert re.search(r"ConnectorSync/crm-hourly: done\n  [\d,]+ read = [\d,]+ accepted", said)


@pytest.mark.parametrize(("page", "file"), [("ingestion", "claims-nightly"), ("connector-sync", "crm-hourly")])
def test_the_manifests_on_the_pages_are_valid(tmp_path: Path, page: str, file: str) -> None:
    project = _sample(tmp_path)
    text = (ROOT / "docs" / "jobs" / f"{page}.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    project.write(f"jobs/{file}.yaml", block)
    project.run("validate").ok()
