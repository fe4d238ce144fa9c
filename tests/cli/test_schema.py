import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.cli.schema import with_modeline
from reconciler.kinds import load_kinds

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    return CliRunner().invoke(cli, ["schema", *map(str, arguments)])


@pytest.fixture
def sample(tmp_path):
    """A copy of the sample project."""
    return Path(shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler")))


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_writes_a_schema_for_each_kind_the_project_file_and_all(tmp_path):
    result = run(tmp_path / "schemas")
    assert (result.exit_code, result.stdout) == (0, "")
    names = {path.stem for path in (tmp_path / "schemas").iterdir()}
    assert names == {*load_kinds(), "Project", "GuardRules", "Acknowledgements", "all"}
    assert json.loads((tmp_path / "schemas" / "Project.json").read_text(encoding="utf-8"))["title"] == "Project"


def test_writing_again_changes_nothing(tmp_path):
    run(tmp_path)
    before = contents(tmp_path)
    result = run(tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert contents(tmp_path) == before


def test_check_writes_nothing_and_says_what_is_out_of_date(tmp_path):
    run(tmp_path)
    assert run(tmp_path, "--check").exit_code == 0
    (tmp_path / "Dataset.json").write_text("{}\n", encoding="utf-8")
    (tmp_path / "all.json").unlink()
    before = contents(tmp_path)
    result = run(tmp_path, "--check")
    assert result.exit_code == 1
    assert "Dataset.json" in result.stderr
    assert "all.json" in result.stderr
    assert "Connector.json" not in result.stderr
    assert contents(tmp_path) == before


def test_modelines_lead_to_the_schemas_and_change_nothing_else(sample):
    before = contents(sample)
    result = run("-C", sample, "--modeline")
    assert result.exit_code == 0
    for path in [sample / "reconciler.yaml", *sample.glob("*/*.yaml")]:
        if path.parent.name == "targets":
            assert path.read_bytes() == before[path]
            continue
        first, _, rest = path.read_bytes().partition(b"\n")
        assert rest == before[path]
        schema = first.decode().removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / schema).resolve().parent == sample / "schemas"
        assert (path.parent / schema).exists()
    assert b"schemas/Project.json" in (sample / "reconciler.yaml").read_bytes()
    assert b"../schemas/DataAction.json" in (sample / "actions" / "enrich-caller.yaml").read_bytes()
    again = contents(sample)
    assert run("-C", sample, "--modeline", "--check").exit_code == 0
    assert run("-C", sample, "--modeline").stderr == ""
    assert contents(sample) == again


def test_check_sees_a_missing_modeline(sample):
    run("-C", sample)
    assert run("-C", sample, "--check").exit_code == 0
    result = run("-C", sample, "--check", "--modeline")
    assert result.exit_code == 1
    assert "claims.yaml" in result.stderr


def test_files_with_several_kinds_get_the_schema_of_all(sample):
    mixed = sample / "tables" / "mixed.yaml"
    text = (sample / "tables" / "claims.yaml").read_text(encoding="utf-8")
    mixed.write_text(f"{text}---\n{(sample / 'streams' / 'interaction-events.yaml').read_text()}", encoding="utf-8")
    run("-C", sample, "--modeline")
    assert mixed.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../schemas/all.json\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind: X\n", "# yaml-language-server: $schema=s.json\nkind: X\n"),
        ("# yaml-language-server: $schema=old.json\nkind: X\n", "# yaml-language-server: $schema=s.json\nkind: X\n"),
        ("kind: X\r\nspec: {}\r\n", "# yaml-language-server: $schema=s.json\r\nkind: X\r\nspec: {}\r\n"),
        ("\ufeffkind: X\n", "\ufeff# yaml-language-server: $schema=s.json\nkind: X\n"),
        ("", "# yaml-language-server: $schema=s.json\n"),
    ],
)
def test_a_modeline_keeps_line_ends_and_marks(before, after):
    assert with_modeline(before, "s.json") == after


def test_a_folder_that_cannot_be_made_is_an_error_and_no_traceback(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run(tmp_path / "file" / "schemas")
    assert result.exit_code == 1
    assert "error[X001]" in result.stderr


def test_modelines_need_a_project(tmp_path):
    result = run("-C", tmp_path, "--modeline")
    assert result.exit_code == 78
    assert not (tmp_path / "schemas").exists()


def test_files_are_named_as_seen_from_here(sample, monkeypatch):
    monkeypatch.chdir(sample)
    named = [line.removeprefix("written: ") for line in run("--modeline").stderr.splitlines()]
    assert "reconciler.yaml" in named
    assert "schemas/Dataset.json" in named
    assert not any(name.startswith("/") for name in named)
