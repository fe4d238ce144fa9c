"""A canary in every secret field of every kind: whatever happens, nobody sees it but the tenant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from reconciler.cxone.client import Client
from reconciler.kinds import load_kinds
from tests.support.hostile_tenant import HostileTenant, hostile_tenant
from tests.support.kind_examples import EXAMPLES, made_up_kinds
from tests.support.project import Project, Ran, manifest
from tests.support.tenant_project import Setting, action

CANARIES = ("canary-value-one", 'canary "two" \\ é/<&>\u2028 end', "canary\nthree\nlines")
"""Plain, full of what must be escaped somewhere, and of several lines."""
CLIENT = "canary-client-secret+/="


@pytest.fixture(scope="module", autouse=True)
def _made_up() -> Iterator[None]:
    with made_up_kinds():
        yield


def _manifests(reference: str) -> list[dict[str, Any]]:
    """A manifest with all of its secrets for every kind that can hold one."""
    found = []
    for example in EXAMPLES.values():
        text = json.dumps(example.manifest()).replace("${secret:env:SECRET_ONE}", reference)
        found += [json.loads(text), *example.needs]
    sync = {
        "extensionRef": "example",
        "source": {"url": "http://127.0.0.1:9/x"},
        "webhook": {"listen": "127.0.0.1:0", "secret": reference},
        "fieldMappingRef": "map",
    }
    mapping = {"mappings": [{"source": "a", "target": "id"}]}
    return [*found, manifest("ExtensionSync", "sync", sync), manifest("FieldMapping", "map", mapping)]


def test_every_kind_with_secrets_is_among_them() -> None:
    text = json.dumps(_manifests("HERE"))
    for kind in load_kinds().values():
        if kind.secret_maps or kind.secret_fields:
            assert f'"kind": "{kind.name}"' in text
    assert text.count("HERE") == 4


def _project(project: Project, canary: str) -> None:
    project.write("code/index.js", "module.exports = async () => ({});\n")
    project.put("all.yaml", *_manifests("${secret:env:SECRET_ONE}"))
    project.environ["SECRET_ONE"] = canary


def _forms(value: str) -> set[str]:
    """The ways in which a value may stand in a text."""
    quoted = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {value, repr(value)[1:-1], quote(value), quote(value, safe=""), quote_plus(value)} | quoted


def _unseen(project: Project, ran: Ran, *values: str) -> None:
    for value in values:
        for form in _forms(value):
            assert form not in ran.all, ran.all
            for path, content in project.kept():
                assert form.encode() not in content, path


@pytest.mark.parametrize("canary", CANARIES)
def test_from_plan_to_delete(tmp_path: Path, canary: str) -> None:
    project = Project.create(tmp_path)
    _project(project, canary)
    commands: list[list[str]] = [
        ["validate"],
        ["plan", "--out", "plan.json", "--report", "markdown=plan.md", "--report", "junit=plan.xml", "--full"],
        ["apply", "plan.json", "--report", "json=report.json"],
        ["drift", "--unmanaged", "--format", "json"],
        ["show", "plan.json", "--full"],
        ["ledger", "show", "Connector/example"],
        ["ledger", "verify"],
        ["audit", "--format", "json"],
        ["doctor"],
        ["graph"],
    ]
    for command in commands:
        ran = project.run(*command, "-vvv").ok()
        _unseen(project, ran, canary)
        if command[0] == "apply":
            assert '  > {"' in ran.err, "no body was told of"
            assert ':"(secret)"' in ran.err
    stored = b"".join(path.read_bytes() for path in project.state.glob("emulator.sqlite*"))
    assert json.dumps(canary, ensure_ascii=False)[1:-1].encode() in stored, "the tenant never got it"
    second = canary + "-rotated"
    for command in (["plan", "--format", "json"], ["apply", "--yes"], ["plan", "--detailed-exitcode"]):
        _unseen(project, project.run(*command, "-vvv", SECRET_ONE=second).ok(), canary, second)
    project.clear()
    project.put("none.yaml", "")
    ran = project.run("apply", "--yes", "--prune", "--allow", "G001=20", "--allow", "G005", "-vvv").ok()
    _unseen(project, ran, canary, second)


@pytest.fixture
def hostile() -> Iterator[HostileTenant]:
    with hostile_tenant() as tenant:
        yield tenant


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(("mode", "code"), [("refuse", 1), ("garble", 1), ("token", 3)])
def test_a_tenant_that_repeats_what_it_is_told(
    hostile: HostileTenant, tmp_path: Path, canary: str, mode: str, code: int
) -> None:
    hostile.mode = mode
    project = Project.create(tmp_path, url=hostile.url)
    _project(project, canary)
    project.environ["TEST_CLIENT_SECRET"] = CLIENT
    for form in ("text", "json"):
        ran = project.run("apply", "--yes", "-vvv", "--format", form).ok(code)
        _unseen(project, ran, canary, CLIENT, "canary-token-value")
        if mode == "garble":
            (project.state / "journal.ndjson").unlink()
    heard = "\n".join(hostile.heard)
    assert quote_plus(CLIENT) in heard
    assert mode == "token" or json.dumps(canary)[1:-1] in heard or json.dumps(canary, ensure_ascii=False)[1:-1] in heard
    if mode == "token":
        _unseen(project, project.run("doctor", "-vvv").ok(1), canary, CLIENT)


def test_a_crash(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of this tool, at the worst place: with the body in hand. The traceback names files and lines, not values."""

    async def crash(self: Client, kind: Any, body: Any, **_: Any) -> Any:
        raise RuntimeError(f"a defect while sending {len(body)} fields")

    monkeypatch.setattr(Client, "create", crash)
    setting.chain()
    ran = setting.project.run("apply", "--yes", "-vvv", SECRET_ONE=CANARIES[0])
    assert ran.code == 1
    assert "a defect while sending" in ran.trace
    _unseen(setting.project, ran, CANARIES[0], "local-secret")


def test_a_literal_where_a_secret_belongs_is_not_repeated(tmp_path: Path) -> None:
    """Somebody wrote the secret into the manifest: refused, and not shown; the project file likewise."""
    project = Project.create(tmp_path)
    _project(project, "unused-secret-value")
    kinds = [item for item in _manifests("canary-literal") if "canary-literal" in json.dumps(item)]
    for item in kinds:
        project.put("all.yaml", item)
        for command in (["validate"], ["plan"], ["validate", "--format", "json"]):
            if item["kind"] == "DataAction":
                continue  # an environment holds plain values, too
            ran = project.run(*command, "-vvv").ok(78)
            assert "canary-literal" not in ran.all
    auth = {"clientId": "x", "clientSecret": "canary-literal"}
    project = Project.create(tmp_path, url="http://127.0.0.1:9", target={"auth": auth})
    ran = project.run("plan", "-vvv").ok(78)
    assert "canary-literal" not in ran.all


def test_a_variable_of_an_action_goes_from_secret_to_plain_and_back(setting: Setting) -> None:
    """Each way takes one write and converges; the value that was secret is shown by neither plan nor apply."""
    project = setting.project
    secret = "${secret:env:SECRET_ONE}"
    for environment in ({"A": secret, "B": "stays"}, {"A": "plain"}, {"A": secret, "B": "b"}, {"A": "a", "B": secret}):
        project.put("all.yaml", action("enrich", environment=environment))
        mark = setting.mark
        ran = project.run("apply", "--yes", "-vvv").ok()
        _unseen(project, ran, "first-secret-value")
        assert len(setting.writes(mark)) == 1
        project.converged()
        stored = setting.live("DataAction")["enrich"]["stored"]["environment"]
        known = {"value": "first-secret-value", "secret": True}
        assert stored == {name: known if value == secret else value for name, value in environment.items()}
