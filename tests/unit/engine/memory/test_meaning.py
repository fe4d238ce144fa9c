"""What a project means is recalled where nothing has changed, and it is then exactly what loading all of it finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from reconciler.core.diagnostic import PathParts
from reconciler.core.resource import Key
from reconciler.core.values import Secret
from reconciler.engine import workspace as module
from reconciler.engine.guard_sources import read_guards
from reconciler.engine.memory import store
from reconciler.engine.memory.kinds import decode_kinds, encode_kinds
from reconciler.engine.workspace import Workspace, load_workspace
from reconciler.errors import InvalidProject
from reconciler.kinds import load_kinds
from tests.support.binding import HEAD, manifest, write
from tests.support.generated_projects import Specs, projects
from tests.support.project import Project
from tests.support.project import manifest as as_json

CANARY = "the-canary-sings"
ENVIRON = {"CRM_PASSWORD": CANARY, "PLAIN": "of-the-environment"}
PROJECT = f"""\
{HEAD}kind: Project
metadata: {{name: p}}
spec:
  manifests: [manifests]
  targets:
    local: {{url: 'https://one.example', vars: {{team: desk, rate: 1.0}}, patches: [patches/local.yaml]}}
"""
CONNECTOR = manifest(
    "Connector",
    "crm",
    "{connectorType: CUSTOM, endpointUrl: 'https://x.example', version: 1.0.0, description: '${file:texts/crm.txt}', "
    "authentication: {type: BASIC, credentials: {username: u, password: '${secret:env:CRM_PASSWORD}'}}, "
    "mappings: [{cxoneField: contact.a, crmField: A, direction: INBOUND}], mappingRefs: [FieldMapping/more]}",
    "labels: {team: a}, annotations: {note: n}, lifecycle: {protect: true, ignoreChanges: [description]}",
)
FILES = {
    "reconciler.yaml": PROJECT,
    "patches/local.yaml": f"{HEAD}kind: Dataset\nmetadata: {{name: people}}\nspec: {{description: patched}}\n",
    "texts/crm.txt": "The desk\n",
    "code/index.js": "module.exports = async () => ({});\n",
    "manifests/people.yaml": manifest(
        "Dataset", "people", "{primaryKey: id, columns: {id: string, age: number}, description: 'of ${var:team}'}"
    ),
    "manifests/crm.yaml": CONNECTOR,
    "manifests/more.yaml": manifest(
        "FieldMapping", "more", "{mappings: [{cxoneField: contact.b, crmField: B, direction: OUTBOUND}]}"
    ),
    "manifests/act.yaml": manifest(
        "DataAction",
        "act",
        "{runtime: nodejs20, code: {path: code}, inputs: {properties: {a: {type: string}}}, "
        "outputs: {properties: {b: {type: string}}}, tests: [{name: one, inputs: {a: x}, expect: {b: y}}]}",
    ),
    "manifests/stream.yaml": manifest(
        "EventStream", "calls", "{actionRef: act, eventTypes: [call], description: 'by ${ref:DataAction/act.id}'}"
    ),
    "manifests/elsewhere.yaml": manifest(
        "Dataset", "elsewhere", "{primaryKey: id, columns: {id: string}}", "targets: [local]"
    ),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that was loaded once: a meaning is remembered where no file had to be parsed for it."""
    write(tmp_path, FILES)
    loaded(tmp_path)
    return tmp_path


def load(root: Path, environ: Mapping[str, str] = ENVIRON) -> Workspace:
    return load_workspace(root, environ=environ, resolve_secrets=True, recall=True)


def loaded(root: Path, environ: Mapping[str, str] = ENVIRON) -> Workspace:
    """All of it read and bound, whatever is remembered."""
    return load_workspace(root, environ=environ, resolve_secrets=True)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one whenever a project is bound."""
    bound: list[str] = []
    real = module._load

    def counting(*given: object) -> Workspace:
        bound.append("bound")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_load", counting)
    return bound


def same(found: Workspace, wanted: Workspace) -> bool:
    """Whether both mean the same: everything but what is left out on purpose."""
    assert encode_kinds(found.kinds) == encode_kinds(wanted.kinds)
    assert list(found.kinds) == list(wanted.kinds)
    assert [dict(item.kept) for item in found.bound.desired] == [dict(item.kept) for item in wanted.bound.desired]
    return (found.project, found.target, found.bound.desired, found.bound.edges, found.bound.digest) == (
        wanted.project,
        wanted.target,
        wanted.bound.desired,
        wanted.bound.edges,
        wanted.bound.digest,
    ) and (found.documents, found.guards, found.bound.diagnostics) == (wanted.documents, wanted.guards, ())


def test_what_is_recalled_is_what_loading_finds(root: Path, count: list[str]) -> None:
    assert same(load(root), loaded(root))
    assert len(count) == 2
    found = load(root)
    assert len(count) == 2
    assert same(found, loaded(root))
    assert not found.bound.fragments
    assert {str(item.key) for item in found.bound.desired} >= {"Connector/crm", "EventStream/calls"}
    assert all(isinstance(item.key, Key) for item in found.bound.desired)


def test_places_are_those_that_binding_knows(root: Path) -> None:
    load(root)
    found, wanted = load(root), loaded(root)
    asked = 0
    for one, other in zip(found.bound.desired, wanted.bound.desired, strict=True):
        for path in [(), *_paths(other.fields), ("nothing",)]:
            assert one.locate(path) == other.locate(path), path
            asked += 1
    assert asked > 40
    crm = next(item for item in found.bound.desired if item.key.name == "crm")
    assert str(crm.locate(("mappings", 1))).startswith("manifests/more.yaml")
    people = next(item for item in found.bound.desired if item.key.name == "people")
    assert str(people.locate(("description",))).startswith("patches/local.yaml")


def _paths(value: object, path: PathParts = ()) -> Iterator[PathParts]:
    items: Iterable[tuple[Any, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, item in items:
        yield (*path, name)
        yield from _paths(item, (*path, name))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("reconciler.yaml", PROJECT.replace("desk", "bureau")),
        ("patches/local.yaml", FILES["patches/local.yaml"].replace("patched", "patched anew")),
        ("texts/crm.txt", "The other desk\n"),
        ("code/index.js", "module.exports = async () => ({ b: '' });\n"),
        ("code/more.js", ""),
        ("manifests/people.yaml", FILES["manifests/people.yaml"].replace("number", "boolean")),
        ("manifests/more.yaml", FILES["manifests/more.yaml"].replace("crmField: B", "crmField: C")),
        ("manifests/new.yaml", manifest("Dataset", "new", "{primaryKey: id, columns: {id: string}}")),
    ],
)
def test_whatever_decides_about_the_meaning_ends_the_memory(root: Path, count: list[str], file: str, text: str) -> None:
    before = load(root)
    write(root, {file: text})
    found = load(root)
    assert len(count) == 2
    assert same(found, loaded(root))
    assert (found.project, found.bound.desired) != (before.project, before.bound.desired)
    load(root)
    count.clear()
    assert same(load(root), found)
    assert count == []


def test_a_file_under_another_name_is_another_project(root: Path, count: list[str]) -> None:
    load(root)
    (root / "manifests/people.yaml").rename(root / "manifests/z.yaml")
    found = load(root)
    assert len(count) == 2
    assert "manifests/z.yaml" in {item.file for item in found.bound.desired}


def test_a_file_that_is_gone_takes_its_resource_along(root: Path) -> None:
    load(root)
    (root / "manifests/elsewhere.yaml").unlink()
    assert Key("Dataset", "elsewhere") not in {item.key for item in load(root).bound.desired}


def test_each_target_has_a_memory_of_its_own(root: Path, count: list[str]) -> None:
    write(root, {"reconciler.yaml": PROJECT + "    prod: {url: 'https://two.example', vars: {team: b}}\n"})
    for target in ("local", "prod", "local", "prod"):
        found = load_workspace(root, target, environ=ENVIRON, resolve_secrets=True, recall=True)
        assert found.target.name == target
        assert same(found, load_workspace(root, target, environ=ENVIRON, resolve_secrets=True))
        assert (Key("Dataset", "elsewhere") in {item.key for item in found.bound.desired}) == (target == "local")
    count.clear()
    with pytest.raises(InvalidProject, match="no target nowhere"):
        load_workspace(root, "nowhere", environ=ENVIRON, resolve_secrets=True, recall=True)


def test_secrets_are_looked_up_anew_and_kept_nowhere(root: Path, count: list[str]) -> None:
    load(root)
    for file in (root / ".reconciler/cache").iterdir():
        assert CANARY.encode() not in file.read_bytes()
    count.clear()
    assert _password(load(root)).reveal() == CANARY
    assert _password(load(root, {"CRM_PASSWORD": "another"})).reveal() == "another"
    assert not _password(load(root, {})).resolved
    assert count == []


def _password(found: Workspace) -> Secret:
    crm = next(item for item in found.bound.desired if item.key.name == "crm")
    secret = crm.fields["authentication"]["credentials"]["password"]
    assert isinstance(secret, Secret)
    return secret


def test_values_of_the_environment_are_not_remembered(root: Path, count: list[str]) -> None:
    write(
        root, {"texts/crm.txt": "x", "manifests/crm.yaml": CONNECTOR.replace("${file:texts/crm.txt}", "${env:PLAIN}")}
    )
    for _ in range(2):
        assert same(load(root), loaded(root))
    assert len(count) == 4
    assert not list((root / ".reconciler/cache").glob("meaning-*"))


def test_where_there_is_anything_to_say_it_is_said_every_time(root: Path, count: list[str]) -> None:
    bad = FILES["manifests/people.yaml"].replace("primaryKey: id", "primaryKey: nothing")
    write(root, {"manifests/people.yaml": bad})
    for _ in range(2):
        assert load(root).bound.failed
    assert len(count) == 2


def test_a_secret_that_cannot_be_had_is_told_as_ever(root: Path) -> None:
    write(root, {"manifests/crm.yaml": CONNECTOR.replace("env:CRM_PASSWORD", "file:texts/crm.txt")})
    assert _password(load(root)).reveal() == "The desk"
    (root / "texts/crm.txt").unlink()
    found = load(root)
    assert found.bound.failed
    assert found.bound.diagnostics == loaded(root).bound.diagnostics


def test_a_file_that_changes_while_it_is_bound_is_not_remembered(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*given: object) -> object:
        write(root, {"texts/crm.txt": "Written meanwhile\n"})
        return read_guards(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "read_guards", late)
    load(root)
    monkeypatch.undo()
    assert same(load(root), loaded(root))


@pytest.mark.parametrize("damage", [b"", b"x", None, "cut", "flip", "version"])
def test_damage_is_no_error_and_mended(root: Path, count: list[str], damage: bytes | str | None) -> None:
    load(root)
    (file,) = (root / ".reconciler/cache").glob("meaning-*")
    whole = file.read_bytes()
    broken = {
        "cut": whole[:-7],
        "flip": whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:],
        "version": whole.replace(b"reconciler memory", b"reconciler memorY"),
    }
    if damage is None:
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(broken[damage] if isinstance(damage, str) else damage)
    assert same(load(root), loaded(root))
    assert len(count) == 3
    if damage is not None:
        assert file.read_bytes() == whole


def test_a_store_of_other_content_under_a_right_digest_is_no_error(root: Path, count: list[str]) -> None:
    load(root)
    (file,) = (root / ".reconciler/cache").glob("meaning-*")
    good = store.read(file)
    assert good is not None
    for head, body in (({}, {}), (good.head, {}), (good.head, {**good.body(), "resources": [[1]]})):
        store.write(file, head, body)
        count.clear()
        assert same(load(root), loaded(root))
        assert len(count) == 2


def test_only_the_owner_may_read_it(root: Path) -> None:
    load(root)
    (file,) = (root / ".reconciler/cache").glob("meaning-*")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_no_error(root: Path) -> None:
    shutil.rmtree(root / ".reconciler")
    (root / ".reconciler").write_text("in the way")
    assert same(load(root), loaded(root))


def test_models_are_there_when_they_are_asked_for() -> None:
    kinds = load_kinds()
    found = decode_kinds(encode_kinds(kinds))
    assert found["Dataset"].spec is kinds["Dataset"].spec
    assert found["Connector"].check is kinds["Connector"].check
    with pytest.raises(AttributeError):
        found["Dataset"].nothing  # type: ignore[attr-defined]  # noqa: B018


def test_other_kinds_end_the_memory(root: Path, count: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    load(root)
    monkeypatch.setattr("reconciler.engine.memory.meaning.stamp", lambda: [["dataset.py", 1, 1]])
    load(root)
    assert len(count) == 2


def test_a_recalled_project_is_read_without_models(root: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from reconciler.engine.workspace import load_workspace\n"
        "found = load_workspace(pathlib.Path(sys.argv[1]), resolve_secrets=True, recall=True)\n"
        "print(len(found.bound.desired), [name for name in ('pydantic', 'ruamel.yaml') if name in sys.modules])\n"
    )
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code, str(root)],
            env={**os.environ, **ENVIRON},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout)
    assert "pydantic" in said[0]
    assert said[1] == "5 []\n"


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(projects())
def test_any_project_is_recalled_as_it_is_loaded(specs: Specs) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder).resolve(), url="https://one.example")
        project.write("code/index.js", "module.exports = async () => ({});\n")
        project.put("all.yaml", *(as_json(kind, name, spec) for (kind, name), spec in specs.items()))
        for _ in range(3):
            found = load(project.root, {"SECRET_ONE": CANARY})
            assert same(found, loaded(project.root, {"SECRET_ONE": CANARY}))
        assert list((project.root / ".reconciler/cache").glob("meaning-*"))


def test_a_named_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Nobody has so much memory: a sparse file takes no room where it is kept."""
    project = Project.create(tmp_path / "project")
    project.put(
        "people.yaml",
        as_json(
            "Dataset", "people", {"primaryKey": "id", "columns": {"id": "string"}, "description": "${file:big.txt}"}
        ),
    )
    with (project.root / "big.txt").open("wb") as file:
        file.truncate(2**40)
    found = load_workspace(project.root, environ={}, resolve_secrets=True, recall=True)
    assert [item.rule.code for item in found.bound.diagnostics] == ["M504"]
