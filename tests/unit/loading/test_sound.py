"""What can be relied on of a project with errors, and an environment of which nothing is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.bind import bind
from reconciler.loading.manifest import Bound
from reconciler.loading.project import Project, local_target
from reconciler.loading.variables import UnreadEnvironment
from reconciler.loading.yaml import discover, load_files
from tests.support.binding import manifest, write

GOOD = "{primaryKey: id, columns: {id: string}}"


def bound(root: Path, files: dict[str, str], *, keep_sound: bool = True, environ: Any = None) -> Bound:
    write(root, files)
    project = Project(root.resolve(), "test", "test", targets={"local": local_target()})
    documents, diagnostics = load_files(discover(root, ["manifests"]), root)
    return bind(
        documents,
        project=project,
        target=local_target(),
        kinds=load_kinds(),
        metadata_model=METADATA_MODEL,
        environ=UnreadEnvironment() if environ is None else environ,
        earlier=diagnostics,
        keep_sound=keep_sound,
    )


def names(found: Bound) -> list[str]:
    return [str(item.key) for item in (*found.desired, *found.fragments, *found.jobs)]


def test_errors_take_their_own_manifest_and_nothing_else(tmp_path: Path) -> None:
    files = {"manifests/a.yaml": manifest("Dataset", "good", GOOD) + manifest("Dataset", "bad", "{primaryKey: id}")}
    found = bound(tmp_path, files)
    assert found.failed
    assert names(found) == ["Dataset/good"]
    assert {str(key) for key in found.unsound} == {"Dataset/bad"}
    assert set(map(str, found.edges)) == {"Dataset/good"}
    alone = bound(tmp_path, files, keep_sound=False)
    assert (names(alone), alone.unsound, alone.diagnostics) == ([], frozenset(), found.diagnostics)


def test_a_file_that_cannot_be_read_whole_is_not_relied_on(tmp_path: Path) -> None:
    broken = manifest("Dataset", "beside", GOOD) + "---\n[\n"
    found = bound(tmp_path, {"manifests/a.yaml": broken, "manifests/b.yaml": manifest("Dataset", "good", GOOD)})
    assert names(found) == ["Dataset/good"]


def test_what_takes_parts_from_a_broken_one_is_broken(tmp_path: Path) -> None:
    connector = (
        "{connectorType: CUSTOM, endpointUrl: 'https://a.example', version: 1.0.0, mappingRefs: [m], "
        "authentication: {type: API_KEY, credentials: {headerName: X, apiKey: '${secret:env:K}'}}}"
    )
    mapping = "{mappings: [{cxoneField: a, crmField: '${nothing}', direction: INBOUND}]}"
    files = {"manifests/a.yaml": manifest("Connector", "c", connector) + manifest("FieldMapping", "m", mapping)}
    found = bound(tmp_path, {**files, "manifests/b.yaml": manifest("Dataset", "good", GOOD)})
    assert names(found) == ["Dataset/good"]
    assert {str(key) for key in found.unsound} == {"Connector/c", "FieldMapping/m"}


def test_a_warning_breaks_nothing(tmp_path: Path) -> None:
    found = bound(tmp_path, {"manifests/a.yaml": manifest("Dataset", "good", GOOD)})
    assert not found.failed
    assert found.unsound == frozenset()


def test_variables_that_are_not_read_stand_for_themselves(tmp_path: Path) -> None:
    spec = "{description: '${env:A}', primaryKey: id, columns: {id: {type: string, maxLength: '${env:N}'}}}"
    table = manifest("Dataset", "a", spec)
    job = manifest("Ingestion", "j", "{datasetRef: '${env:REF}', source: {path: 'x-${env:B}.csv', format: csv}}")
    found = bound(tmp_path, {"manifests/a.yaml": table + job})
    assert not found.failed, found.diagnostics
    assert found.desired[0].fields["description"] == "${env:A}"
    assert found.jobs[0].spec["source"]["path"] == "x-${env:B}.csv"
    read = bound(tmp_path, {}, environ={"A": "value", "N": "many", "REF": "nowhere", "B": ""})
    assert read.failed


def test_an_environment_that_is_not_read_has_every_variable_and_no_value() -> None:
    environ = UnreadEnvironment()
    assert "PATH" in environ
    assert environ["PATH"] == "${env:PATH}"
    assert (list(environ), len(environ)) == ([], 0)
