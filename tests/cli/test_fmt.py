"""``reconciler fmt``: what is written, what is shown, and the exit code."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import project as support

PROJECT = 'apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: p}\nspec:\n  targets:\n    dev: {url: "https://x", patches: [t/dev.yaml]}\n'
MESSY = "kind: Dataset\napiVersion: cxone.reconciler/v1\nspec:\n    columns: {id: string}   # c\nmetadata:\n        name: x\n"
TIDY = "apiVersion: cxone.reconciler/v1\nkind: Dataset\nmetadata:\n  name: x\nspec:\n  columns: {id: string}   # c\n"
BROKEN = "a: 1\na: 2\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "reconciler.yaml", PROJECT)
    write(tmp_path, "manifests/messy.yaml", MESSY)
    write(tmp_path, "manifests/tidy.yaml", TIDY)
    write(tmp_path, "t/dev.yaml", "kind: x\nspec:\n    a: 1\n")
    write(tmp_path, "elsewhere.yaml", MESSY)
    return tmp_path


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def run(*words):
    return support.run("fmt", *words, cwd=Path.cwd())


def test_files_are_rewritten_and_listed(root):
    result = run()
    assert result.code == 0
    assert result.out == "manifests/messy.yaml\nt/dev.yaml\n"
    assert result.err == "2 of 4 files changed\n"
    assert (root / "manifests/messy.yaml").read_text() == TIDY
    assert (root / "t/dev.yaml").read_text() == "kind: x\nspec:\n  a: 1\n"
    assert (root / "elsewhere.yaml").read_text() == MESSY
    again = run()
    assert (again.code, again.out, again.err) == (0, "", "0 of 4 files changed\n")


def test_check_writes_nothing_and_fails(root):
    result = run("--check")
    assert (result.code, result.out) == (1, "manifests/messy.yaml\nt/dev.yaml\n")
    assert (root / "manifests/messy.yaml").read_text() == MESSY
    run()
    assert run("--check").code == 0


def test_diff_can_be_applied_and_writes_nothing(root):
    write(root, "manifests/end.yaml", "a:\r\n- x")
    result = run("--diff")
    assert result.code == 0
    assert (root / "manifests/messy.yaml").read_text() == MESSY
    assert run("--diff", "--check").code == 1
    subprocess.run(
        ["git", "apply", "-"], input=result.out.encode(), cwd=root, check=True, env={**os.environ, "GIT_DIR": "none"}
    )
    assert (root / "manifests/messy.yaml").read_text() == TIDY
    assert (root / "manifests/end.yaml").read_bytes() == b"a:\n  - x\n"


def test_paths(root):
    result = run("elsewhere.yaml", "t", "--check")
    assert (result.code, result.out) == (1, "elsewhere.yaml\nt/dev.yaml\n")
    (root / "t").joinpath("sub").mkdir()
    os.chdir(root / "t" / "sub")
    assert run("../dev.yaml", "--check").out == "t/dev.yaml\n"


def test_a_broken_file_is_left_alone_and_the_others_are_written(root):
    write(root, "manifests/broken.yaml", BROKEN)
    result = run()
    assert result.code == 78
    assert "error[M102]" in result.err
    assert "manifests/broken.yaml:2:1" in result.err
    assert (root / "manifests/broken.yaml").read_text() == BROKEN
    assert (root / "manifests/messy.yaml").read_text() == TIDY
    assert run("--check").code == 78


def test_named_files_need_no_valid_project_file(root):
    write(root, "reconciler.yaml", "spec: [\n")
    assert run("elsewhere.yaml").code == 0
    assert run().code == 78


def test_usage(root, tmp_path_factory):
    outside = write(tmp_path_factory.mktemp("outside"), "x.yaml", MESSY)
    for words in (["--nope"], ["missing.yaml"], [str(outside)]):
        assert run(*words).code == 64, words
    assert outside.read_text() == MESSY


def test_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run().code == 78


def test_mode_and_links_stay(root):
    path = root / "manifests" / "messy.yaml"
    path.chmod(0o640)
    (root / "manifests" / "link.yaml").symlink_to("../elsewhere.yaml")
    assert run().code == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert (root / "manifests" / "link.yaml").is_symlink()
    assert (root / "elsewhere.yaml").read_text() == TIDY
    assert sorted(item.name for item in path.parent.iterdir()) == ["link.yaml", "messy.yaml", "tidy.yaml"]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(root, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    result = run("manifests/messy.yaml")
    assert result.code == 1
    assert "error[X001]: manifests/messy.yaml cannot be written: Operation not permitted" in result.err
    assert (root / "manifests/messy.yaml").read_text() == MESSY
    assert sorted(item.name for item in (root / "manifests").iterdir()) == ["messy.yaml", "tidy.yaml"]


def test_the_sample_project_is_formatted():
    sample = Path(__file__).parents[2] / "manifests"
    result = run("-C", str(sample), "--check")
    assert (result.code, result.out) == (0, "")
