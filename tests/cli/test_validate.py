import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from tests.support.binding import HEAD, manifest, write

PROJECT = f"{HEAD}kind: Project\nmetadata: {{name: p}}\n"
GOOD = manifest("Dataset", "good", "{primaryKey: i, columns: {i: string}}")
BAD = manifest("Dataset", "bad", "{primaryKey: i, colums: {i: string}}")
WARNING = manifest("FieldMapping", "m", "{mappings: [{cxoneField: a, crmField: b, direction: BIDIRECTIONAL}]}")


def run(root, *words):
    return CliRunner().invoke(cli, ["validate", "-C", str(root), *words])


@pytest.fixture
def root(tmp_path):
    write(tmp_path, {"reconciler.yaml": PROJECT, "manifests/good.yaml": GOOD})
    return tmp_path


def test_a_valid_project(root):
    result = run(root)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1 manifest valid\n")
    assert run(root, "-q").stderr == ""


def test_everything_that_is_wrong_at_once(root):
    write(root, {"manifests/bad.yaml": BAD, "manifests/worse.yaml": "a: [\n"})
    result = run(root)
    assert result.exit_code == 78
    assert "manifests/bad.yaml:5:23" in result.stdout
    assert "did you mean `columns`?" in result.stdout
    assert "manifests/worse.yaml" in result.stdout
    assert "Traceback" not in result.output


def test_warnings_are_shown_and_do_not_fail(root):
    write(root, {"manifests/m.yaml": WARNING})
    result = run(root)
    assert result.exit_code == 0
    assert "goes both ways" in result.stdout
    assert result.stderr == "2 manifests valid\n"


@pytest.mark.parametrize("good", [True, False])
def test_machine_formats_are_documents_either_way(root, good):
    if not good:
        write(root, {"manifests/bad.yaml": BAD})
    code = 0 if good else 78
    found = run(root, "--format", "json")
    assert found.exit_code == code
    assert bool("M302" in json.dumps(json.loads(found.stdout))) is not good
    found = run(root, "--format", "junit")
    assert found.exit_code == code
    ElementTree.fromstring(found.stdout)
    found = run(root, "--format", "github")
    assert found.exit_code == code
    assert found.stdout.startswith("::error" if not good else "")


def test_paths_narrow_what_is_shown(root):
    write(root, {"manifests/bad.yaml": BAD})
    result = run(root, str(root / "manifests" / "good.yaml"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "findings in other files not shown" in result.stderr
    assert run(root, str(root / "manifests" / "bad.yaml")).exit_code == 78


def test_a_wrong_project_file_is_reported_like_manifests(root):
    write(root, {"reconciler.yaml": PROJECT + "spec: {targts: {}}\n"})
    result = run(root, "--format", "json")
    assert result.exit_code == 78
    assert "reconciler.yaml" in json.dumps(json.loads(result.stdout))
    assert "did you mean `targets`?" in run(root).stdout


def test_no_project_no_target_and_no_such_path(root, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    result = run(empty)
    assert result.exit_code == 78
    assert "reconciler init" in result.stderr
    result = run(root, "-t", "prod")
    assert result.exit_code == 78
    assert "no target prod" in result.stderr


def test_no_secret_is_needed_or_shown(root, monkeypatch):
    monkeypatch.setenv("TOP", "canary-value")
    text = manifest(
        "Connector",
        "crm",
        "{connectorType: CUSTOM, endpointUrl: 'https://x', version: 1.0.0, authentication: "
        "{type: BASIC, credentials: {username: a, password: '${secret:env:TOP}', other: '${secret:vault:a/b#c}'}}}",
    )
    write(root, {"manifests/c.yaml": text})
    result = run(root, "-vvv")
    assert result.exit_code == 0
    assert "canary" not in result.output
    write(root, {"manifests/c.yaml": text.replace("'${secret:env:TOP}'", "canary-value")})
    result = run(root, "-vvv")
    assert result.exit_code == 78
    assert "M505" in result.stdout
    assert "canary" not in result.output
