import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.engine.workspace import load_workspace


def run(*words):
    return CliRunner().invoke(cli, ["init", *map(str, words)])


def test_a_new_project_is_valid_as_it_is(tmp_path):
    folder = tmp_path / "Contact Centre 2"
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert str(folder / "reconciler.yaml") in result.stdout.splitlines()
    assert f"cd '{folder}' && " in result.stderr, "as a shell takes it"
    workspace = load_workspace(folder, environ={})
    assert workspace.project.name == "contact-centre-2"
    assert not workspace.bound.diagnostics
    assert {item.key.kind for item in workspace.bound.desired} == {"Dataset", "DataAction", "EventStream"}
    assert (folder / ".gitignore").read_text() == ".reconciler/\n"


def test_here_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run().exit_code == 0
    assert (tmp_path / "reconciler.yaml").exists()


@pytest.mark.parametrize("taken", ["reconciler.yaml", "actions/greet-caller/index.js"])
def test_nothing_is_overwritten(tmp_path, taken):
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("mine")
    result = run(tmp_path)
    assert result.exit_code == 64
    assert taken in result.stderr
    assert (tmp_path / taken).read_text() == "mine"
    assert not (tmp_path / "manifests").exists()


def test_an_existing_gitignore_only_grows(tmp_path):
    (tmp_path / ".gitignore").write_text("node_modules/")
    assert run(tmp_path).exit_code == 0
    assert (tmp_path / ".gitignore").read_text() == "node_modules/\n.reconciler/\n"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    result = run(tmp_path / "file" / "below")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "cannot be written" in result.stderr
