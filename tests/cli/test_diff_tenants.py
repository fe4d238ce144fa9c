"""``diff --against``: two tenants compared by what is live in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import jsonschema_rs
import orjson
import pytest

from reconciler.emulator.inprocess import control
from reconciler.engine.tenant import embedded_app
from tests.support.project import Project, manifest
from tests.support.tenant_project import action, connector, dataset, stream

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pair(tmp_path: Path) -> Project:
    """A project with two embedded targets, each with a tenant of its own."""
    targets = {"dev": {"url": "emulator:"}, "prod": {"url": "emulator:"}}
    project = Project.create(tmp_path / "project", targets=targets)
    project.write("code/index.js", "module.exports = async () => ({});\n")
    project.environ["SECRET_ONE"] = "quite-secret-value"
    return project


def _control(project: Project, target: str, path: str, body: Any) -> Any:
    app = embedded_app(project.root, target)
    try:
        return anyio.run(lambda: control(app, "POST", path, body))
    finally:
        app.state.emulator.store.close()


def _filled(project: Project) -> None:
    """The same resources in both tenants; the one began with others, so that ids differ."""
    _control(project, "prod", "seed", {"seed": 3, "kinds": {"DataAction": 1}})
    reference = {"CRM": "${ref:Connector/crm.id}", "KEY": "${secret:env:SECRET_ONE}"}
    project.put("all.yaml", connector("crm"), action("enrich", environment=reference), stream("calls", "enrich"))
    project.put("tables.yaml", dataset("people"))
    for target in ("dev", "prod"):
        project.apply("-t", target)


def test_the_same_content_is_no_difference(pair: Project) -> None:
    _filled(pair)
    _control(pair, "dev", "seed", {"seed": 3, "kinds": {"DataAction": 1}})
    ran = pair.run("diff", "-t", "dev", "--against", "prod", "--detailed-exitcode").ok(0)
    assert ran.out.startswith(
        "No difference. 0 added, 0 changed, 0 removed (5 unchanged)\nfrom prod at emulator: to dev at emulator:"
    )
    assert "3 secrets are set on both sides; no API says whether to the same value" in ran.out
    assert ran.err == ""
    assert "quite-secret-value" not in ran.all


def test_what_differs_is_shown_by_name_and_never_by_id(pair: Project) -> None:
    _filled(pair)
    _control(pair, "dev", "edit", {"kind": "Dataset", "name": "people", "patch": {"description": "other"}, "by": "x"})
    _control(pair, "dev", "delete", {"kind": "EventStream", "name": "calls"})
    ran = pair.run("diff", "-t", "dev", "--against", "prod", "--detailed-exitcode").ok(2)
    found = pair.run("diff", "-t", "dev", "--against", "prod", "--format", "json").ok(0)
    items = {item["key"]: item for item in found.json["items"]}
    assert {key: item["status"] for key, item in items.items()} == {
        "Dataset/people": "changed",
        "EventStream/calls": "removed",
        **{key: "removed" for key in items if key.startswith("DataAction/")},
    }
    assert len(items) == 3
    (field,) = items["Dataset/people"]["fields"]
    assert (field["label"], field["before"], field["after"]) == ("description", "first", "other")
    assert {field["label"] for field in items["EventStream/calls"]["fields"]} >= {"actionRef", "name"}
    assert "'actionId'" not in found.out
    assert "people" in ran.out
    jsonschema_rs.validator_for(orjson.loads((ROOT / "schemas/diff.json").read_bytes())).validate(found.json)


def test_references_into_other_resources_are_compared(pair: Project) -> None:
    _filled(pair)
    pair.put("more.yaml", action("other"))
    pair.put("all.yaml", connector("crm"), action("enrich"), stream("calls", "other"))
    pair.apply("-t", "dev")
    found = pair.run("diff", "-t", "dev", "--against", "prod", "--only", "EventStream/*", "--format", "json").ok(0).json
    assert [item["key"] for item in found["items"]] == ["EventStream/calls"]
    (field,) = found["items"][0]["fields"]
    assert (field["label"], field["before"], field["after"]) == ("actionRef", "enrich", "other")
    assert found["narrowed"]


def test_every_format(pair: Project) -> None:
    _filled(pair)
    _control(
        pair, "dev", "edit", {"kind": "Dataset", "name": "people", "patch": {"description": "<img src=x>"}, "by": "x"}
    )
    for form, sign in (("markdown", "Dataset/people"), ("html", "<!doctype html>"), ("text", "Dataset/people")):
        ran = pair.run("diff", "-t", "dev", "--against", "prod", "--format", form).ok(0)
        assert sign.lower() in ran.out.lower()
        assert "<img src=x>" not in ran.out or form != "html"
    pair.run("diff", "-t", "dev", "--against", "prod", "--report", "html=diff.html").ok(0)
    assert "people" in (pair.root / "diff.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--against", "local"), "compared with itself"),
        (("--against", "nowhere"), "nowhere"),
        (("--against", "prod", "--base", "HEAD"), "revisions and paths have no part in it"),
        (("--against", "prod", "manifests"), "revisions and paths have no part in it"),
        (("--against", "prod", "--only", "team=crm"), "no labels and no files"),
        (("--against", "prod", "--only", "Dataset/none"), "match nothing that is live"),
    ],
)
def test_what_cannot_be_compared(pair: Project, words: tuple[str, ...], says: str) -> None:
    ran = pair.run("diff", *words)
    assert ran.code in (64, 78)
    assert (ran.out, ran.trace) == ("", "")
    assert says in ran.err


def test_nothing_is_written(pair: Project) -> None:
    pair.put("people.yaml", manifest("Dataset", "people", {"primaryKey": "id", "columns": {"id": "string"}}))
    before = {path: data for path, data in pair.kept() if "cache" not in path.parts}
    pair.run("diff", "-t", "dev", "--against", "prod").ok(0)
    assert {path: data for path, data in pair.kept() if "cache" not in path.parts} == before
