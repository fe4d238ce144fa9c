"""Names and values that try to be more than text, through every command in every format: they are shown, and do nothing.

What they try: to steer a terminal, to turn the reading order round, to forge a line, to be a command of a pipeline's runner, a
formula, HTML, Markdown or XML. They come from manifests, file names, the tenant's fields and people, its messages, the ledger, the
audit log, and records of data jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reconciler.cli.streams import harmless
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.git import Repo
from tests.support.hostile_values import (
    BIDI,
    CARRIAGE,
    ESCAPE,
    FORMULA,
    HOSTILE,
    HTML,
    MARKDOWN,
    WORKFLOW,
    XML,
    unprintable,
)
from tests.support.loopback import Call, Reply, loopback_server
from tests.support.project import Project, Ran, manifest
from tests.support.tenant_project import DATASETS, action, connector, dataset, stream

ALL = " ".join(HOSTILE)
COMMAND = re.compile(r"^\s*::[a-z]|##[a-z]*\[", re.MULTILINE)
ANNOTATION = re.compile(r"::(error|warning|notice) ([a-z]+=[^,:\r\n]*,)*title=[^:\r\n]*::[^\r\n]*")
WELL_FORMED = [value for value in HOSTILE if value not in (XML, ESCAPE, CARRIAGE)]
"""What YAML takes as it is, and a tenant keeps."""


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def project(emulator: RunningEmulator, tmp_path: Path) -> Project:
    """Applied once with hostile values everywhere, changed since in git and in the tenant, one file with a hostile name."""
    emulator.control("POST", "reset")
    project = Project.create(tmp_path / "project", url=emulator.url)
    project.environ["SECRET_ONE"] = "first-secret-value"
    project.write("code/index.js", "module.exports = async () => ({});\n")
    project.write(f"code/{HTML.replace('/', '_')}.js", "1")
    columns = {
        "id": "string",
        **{f"c{number}": {"type": "string", "description": text} for number, text in enumerate(HOSTILE)},
    }
    put(project, "=1+1::error::x.yaml", table("people", columns), dataset("gone"))
    put(
        project,
        "more.yaml",
        connector("crm", description=ALL),
        action("enrich", description=ALL),
        stream("calls", "enrich"),
    )
    project.write(".gitignore", ".reconciler/\n")
    Repo.create(project.root).commit()
    project.apply()
    emulator.control(
        "POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"description": ALL[::-1]}, "by": ALL[:250]}
    )
    emulator.control(
        "POST", "edit", {"kind": "Connector", "name": "crm", "patch": {"description": WORKFLOW}, "by": HTML}
    )
    with emulator.client() as client:
        client.post(DATASETS, json={"name": ALL[:120], "primaryKey": "id", "columns": {"id": "string"}})
    columns["c0"] = {"type": "string", "description": ALL}
    put(
        project,
        "=1+1::error::x.yaml",
        table("people", columns),
        dataset("new", description=ALL),
    )
    return project


def put(project: Project, file: str, *manifests: dict[str, Any]) -> None:
    """Write manifests with escapes for whatever YAML does not take as it is."""
    project.put(file, *map(json.dumps, manifests))


def table(name: str, columns: dict[str, Any]) -> dict[str, Any]:
    return dataset(
        name, description=ALL, columns=columns, metadata={"labels": {"team": FORMULA}, "annotations": {"note": ALL}}
    )


def text_only(ran: Ran, form: str) -> Ran:
    """Nothing but text in a document of this format, nor beside it."""
    assert ran.trace == "", ran.trace
    assert not unprintable(ran.err), unprintable(ran.err)
    assert not COMMAND.search(ran.err), ran.err
    assert not unprintable(ran.out), unprintable(ran.out)
    if form == "github":
        assert all(ANNOTATION.fullmatch(line) for line in ran.out.splitlines()), ran.out
    else:
        assert not COMMAND.search(ran.out), COMMAND.findall(ran.out)
    if form == "json":
        for line in [ran.out] if ran.out[:2] in ("{\n", "[\n") else ran.out.splitlines():
            json.loads(line)
    elif form == "junit":
        ElementTree.fromstring(ran.out)
    elif form in ("html", "markdown"):
        assert "<script>alert" not in ran.out
        assert "<img" not in ran.out
    if form == "markdown":
        assert not re.search(
            r"(?<![\w>])@everyone|^# heading|^~~~", re.sub(r"(?ms)^(`{3,}).*?^\1", "", ran.out), re.MULTILINE
        )
    return ran


FORMS = {
    "validate": ("text", "json", "github", "junit"),
    "plan": ("text", "json", "markdown", "html", "github"),
    "plan --full": ("text", "markdown", "html"),
    "plan --prune": ("text", "github"),
    "drift": ("text", "json", "markdown", "html", "github"),
    "drift --unmanaged": ("text", "json", "markdown"),
    "diff --base HEAD": ("text", "json", "markdown", "html"),
    "diff -t local --against other": ("text", "json"),
    "graph": ("mermaid", "dot"),
    "fmt --diff": ("text",),
    "ledger list": ("text", "json"),
    "ledger show Dataset/people": ("text", "json"),
    "ledger verify": ("text", "json"),
    "audit": ("text", "json"),
    "audit --verify": ("text", "json"),
    "export out": ("text", "json"),
    "doctor": ("text", "json"),
    "-v plan": ("text",),
}


@pytest.mark.parametrize("form", sorted({form for forms in FORMS.values() for form in forms}))
def test_every_command_that_reads(project: Project, form: str) -> None:
    data = json.loads((project.root / "reconciler.yaml").read_bytes())
    data["spec"]["targets"]["other"] = data["spec"]["targets"]["local"]
    (project.root / "reconciler.yaml").write_text(json.dumps(data))
    for command, forms in FORMS.items():
        if form in forms:
            words = [word for word in command.split() if word != "-v"]
            more = ["-vvv"] if "-v" in command.split() else []
            ran = text_only(project.run(*words, *more, "--format", form), form)
            assert ran.code in (0, 1, 2, 6), (command, ran.all)


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_saved_plans_reports_and_what_apply_says(project: Project, form: str) -> None:
    project.run("plan", "--out", "plan.json").ok()
    text_only(project.run("show", "plan.json", "--format", form).ok(), form)
    reports = [f"--report={name}=report.{name}" for name in ("markdown", "html", "json", "junit", "github")]
    ran = project.run("apply", "--yes", "--format", "json" if form == "json" else "text", *reports)
    text_only(ran, "json" if form == "json" else "text")
    assert ran.code in (0, 4)
    text_only(project.run("show", "report.json", "--format", form).ok(), form)
    for name in ("markdown", "html", "junit", "github"):
        text_only(Ran(0, (project.root / f"report.{name}").read_text(), ""), name)
    text_only(project.run("drift", "--write-back"), "text")


@pytest.mark.parametrize("form", ["text", "json", "github", "junit"])
@pytest.mark.parametrize("where", ["key", "value", "name", "kind", "reference", "file"])
def test_what_is_wrong_is_told_as_text(tmp_path: Path, where: str, form: str) -> None:
    project = Project.create(tmp_path / "project")
    for number, text in enumerate(HOSTILE):
        wrong: dict[str, Any] = dataset(f"d{number}")
        if where == "key":
            wrong["spec"][text] = text
        elif where == "value":
            wrong["spec"]["primaryKey"] = text
        elif where == "name":
            wrong["metadata"]["name"] = text
        elif where == "kind":
            wrong["kind"] = text
        elif where == "reference":
            wrong["spec"]["description"] = "${ref:" + text + "}"
        else:
            wrong["spec"]["columns"] = 7
        name = text.replace("/", "_")[:60] if where == "file" else f"{number}"
        project.put(f"{name}.yaml", json.dumps(wrong))
    for command in ("validate", "graph", "plan"):
        forms = {"graph": "dot", "plan": form if form != "junit" else "text"}
        ran = project.run(command, "--format", forms.get(command, form))
        text_only(ran, "text" if ran.code == 78 and command == "graph" else forms.get(command, form))
        assert ran.code in (0, 78)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_server_says_is_told_as_text(tmp_path: Path, text: str) -> None:
    """Its errors, their fields, its request ids and its addresses; and what somebody types in the shell."""

    def handle(call: Call) -> Reply:
        if call.path.endswith("/token"):
            return Reply(200, {"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        body = {"code": text, "message": text, "details": [{"field": text, "message": text}], "requestId": text}
        return Reply(400, body)

    with loopback_server(handle) as server:
        project = Project.create(tmp_path / "project", url=server.url)
        put(project, "a.yaml", dataset("a"))
        for command in ("plan", "apply --yes -vvv", "drift", "export out", "doctor", "plan --format github"):
            ran = text_only(project.run(*command.split()), command.partition("--format ")[2] or "text")
            assert ran.code == 1, ran.all
    for words in (
        [text],
        ["explain", text],
        ["ledger", "show", text],
        ["plan", "--only", text],
        ["show", text],
        ["new", text, text],
    ):
        try:
            ran = project.run(*words)
        except ValueError:  # a NUL cannot even be typed
            continue
        text_only(ran, "text")
        assert ran.code in (0, 1, 64, 78), ran.all


def test_records_of_jobs(project: Project) -> None:
    """A CSV file whose cells and columns are hostile: refused rows are told and kept as text, a formula among them."""
    mapping = {"mappings": [{"source": name, "target": name} for name in ("id", "age")]}
    spec = {"datasetRef": "people", "source": {"path": "in.csv", "format": "csv"}, "quarantine": "bad.ndjson"}
    put(project, "people.yaml", dataset("rows"))
    put(
        project,
        "job.yaml",
        manifest("FieldMapping", "m", mapping),
        manifest("Ingestion", "load", {**spec, "datasetRef": "rows", "fieldMappingRef": "m"}),
    )
    rows = ['"id","age"', *('"{}","{}"'.format(*(value.replace('"', '""'),) * 2) for value in HOSTILE)]
    (project.root / "in.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    project.run("apply", "--yes")
    for form in ("text", "json"):
        ran = text_only(project.run("run", "Ingestion/load", "--format", form), form)
        assert ran.code in (0, 1, 4, 78), ran.all


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_last_net(text: str) -> None:
    """Text beyond ASCII and commands of runners are shown as escapes, which JSON reads as what they were."""
    shown = harmless(text)
    assert not COMMAND.search(shown)
    assert set(unprintable(shown)) <= {"\x1b"}
    document = json.dumps({"a": text}, ensure_ascii=False, indent=2)
    assert json.loads(harmless(document)) == {"a": text}


def test_text_of_people_stays_as_it_is() -> None:
    for text in ("æøå 漢字 🦉 a::b std::vector ## Heading [x]\n", "C:: no", "### Changes\n"):
        assert harmless(text) == text
    assert BIDI not in harmless(BIDI)
    assert harmless(MARKDOWN) == MARKDOWN


@pytest.mark.parametrize("encoding", ["latin-1", "cp437"])
def test_a_terminal_that_knows_few_characters(tmp_path: Path, encoding: str) -> None:
    """What its encoding lacks is an escape, and no traceback."""
    project = Project.create(tmp_path / "project")
    project.put("a.yaml", dataset("a", description="漢字 … 🦉"))
    ran = project.process("plan", PYTHONIOENCODING=encoding).ok()
    assert "\\u6f22\\u5b57" in ran.out


@pytest.mark.parametrize("value", ["${secret:env:SECRET_ONE}", "${ref:Connector/crm.id}"])
@pytest.mark.parametrize("where", ["default", "type", "connector"])
def test_an_expression_where_a_word_belongs(tmp_path: Path, where: str, value: str) -> None:
    """In a JSON Schema, and in place of one of a few words: an answer of `validate`, and no traceback."""
    project = Project.create(tmp_path / "project")
    project.write("code/index.js", "module.exports = async () => ({});\n")
    crm = connector("crm")
    if where == "connector":
        crm["spec"]["authentication"] = {"type": value, "credentials": {}}
    schema = {"type": "object", "properties": {"a": {"type": "string", where: value}}}
    project.put("a.yaml", crm, action("enrich", inputs=schema))
    for form in ("text", "json"):
        ran = text_only(project.run("validate", "--format", form), form)
        assert ran.code in (0, 78)
