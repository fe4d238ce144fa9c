"""A code forge as far as a pipeline needs one: pull requests, comments, issues and artifacts beside a real bare git repository.

The steps of workflows run unchanged in bash: checkout is a real clone, and ``gh`` is a small program in front of the state that
is kept here as one JSON file, with real jq for its ``--jq``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.yaml_plain import load_yaml

REPOSITORY = "acme/contact-centre"

_GH = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.support.forge_api import main
sys.exit(main(sys.argv[1:], {state!r}))
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person called Dev."""
    command = ["git", "-c", "user.name=Dev", "-c", "user.email=dev@example.com", "-C", str(folder), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=_plain_git())
    assert ran.returncode == 0, f"{arguments}: {ran.stderr}"
    return ran.stdout.strip()


def _plain_git() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


@dataclass
class Job:
    """What became of a job: the last step's exit code, the outputs of its steps, and everything that was printed."""

    code: int
    outputs: dict[str, dict[str, str]]
    log: str
    skipped: bool = False


@dataclass
class Forge:
    """The remote and its state, in one folder; ``secrets`` by environment, ``environ`` for every step."""

    root: Path
    secrets: dict[str, dict[str, str]]
    environ: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True)
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote)], check=True)
        self.save({"comments": {}, "issues": [], "pulls": [], "runs": [], "ids": 100})
        shim = self.root / "bin" / "gh"
        shim.parent.mkdir()
        root = str(Path(__file__).parents[2])
        shim.write_text(_GH.format(python=sys.executable, root=root, state=str(self._state)), encoding="utf-8")
        shim.chmod(0o755)

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def _state(self) -> Path:
        return self.root / "state.json"

    def load(self) -> dict[str, Any]:
        return dict(json.loads(self._state.read_bytes()))

    def save(self, state: Mapping[str, Any]) -> None:
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def open_pull(self, branch: str, *, fork: bool = False) -> int:
        """Open a pull request of a pushed branch; gives its number."""
        state = self.load()
        head = git(self.remote, "rev-parse", branch)
        repo = "somebody/fork" if fork else REPOSITORY
        number = len(state["pulls"]) + 1
        state["pulls"].append(
            {"number": number, "branch": branch, "head": head, "repo": repo, "merged": None, "state": "open"}
        )
        self.save(state)
        return number

    def merge(self, number: int, *, squash: bool = True) -> str:
        """Merge into main, as one commit; gives its id."""
        state = self.load()
        pull = state["pulls"][number - 1]
        work = self._clone(f"merge-{number}", "main")
        git(work, "fetch", "--quiet", "origin", pull["branch"])
        git(work, "merge", "--squash" if squash else "--no-ff", "--quiet", "FETCH_HEAD")
        if squash:
            git(work, "commit", "--quiet", "--message", f"Merge #{number}")
        git(work, "push", "--quiet", "origin", "HEAD:main")
        pull["merged"], pull["state"] = git(work, "rev-parse", "HEAD"), "closed"
        self.save(state)
        return str(pull["merged"])

    def _clone(self, name: str, revision: str) -> Path:
        folder = self.root / "work" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        subprocess.run(["git", "clone", "--quiet", str(self.remote), str(folder)], check=True)
        git(folder, "checkout", "--quiet", revision)
        return folder

    def review(self, number: int) -> dict[str, Job]:
        """What the forge starts when a pull request is opened or pushed to."""
        state = self.load()
        pull = state["pulls"][number - 1]
        pull["head"] = git(self.remote, "rev-parse", pull["branch"])
        base = git(self.remote, "rev-parse", "main")
        self.save(state)
        merged = self._clone(f"review-{number}", "main")
        git(merged, "fetch", "--quiet", "origin", pull["branch"])
        git(merged, "merge", "--quiet", "--no-ff", "--message", "preview", "FETCH_HEAD")
        event = {
            "pull_request": {"number": number, "base": {"sha": base}, "head": {"repo": {"full_name": pull["repo"]}}}
        }
        return self._run("reconciler-review.yml", merged, event, head=pull["head"], fork=pull["repo"] != REPOSITORY)

    def pushed(self, revision: str = "main", **inputs: str) -> Job:
        """What the forge starts when main was pushed to, or by hand with inputs."""
        return self._run("reconciler-apply.yml", self._clone("apply", revision), {}, inputs=inputs)["apply"]

    def nightly(self) -> Job:
        """What the forge starts every night."""
        return self._run("reconciler-drift.yml", self._clone("drift", "main"), {})["drift"]

    def _run(
        self,
        workflow: str,
        checkout: Path,
        event: Mapping[str, Any],
        *,
        head: str = "",
        inputs: Mapping[str, str] | None = None,
        fork: bool = False,
    ) -> dict[str, Job]:
        self._runs += 1
        state = self.load()
        state["runs"].append({"id": self._runs, "workflow": workflow, "head": head, "artifacts": {}})
        self.save(state)
        definition = load_yaml((checkout / ".github/workflows" / workflow).read_text(encoding="utf-8"))
        context = {
            "github": {
                "event": event,
                "repository": REPOSITORY,
                "sha": git(checkout, "rev-parse", "HEAD"),
                "token": "the-token",
                "ref_name": "main",
            },
            "inputs": dict(inputs or {}),
            "vars": self.variables,
        }
        done: dict[str, Job] = {}
        for name, job in definition["jobs"].items():
            needed = done.get(job.get("needs", ""))
            held_back = needed is not None and (needed.code != 0 or needed.skipped)
            if held_back or not _true(job.get("if", "true"), context):
                done[name] = Job(0, {}, "", skipped=True)
                continue
            secrets = {} if fork else self.secrets.get(job.get("environment", ""), {})
            done[name] = self._job(definition, job, checkout, {**context, "secrets": secrets})
        return done

    def _job(
        self, definition: Mapping[str, Any], job: Mapping[str, Any], checkout: Path, context: Mapping[str, Any]
    ) -> Job:
        outputs: dict[str, dict[str, str]] = {}
        code, log = 0, ""
        folder = checkout / definition["defaults"]["run"]["working-directory"]
        for step in job["steps"]:
            here = {**context, "steps": {key: {"outputs": value} for key, value in outputs.items()}}
            if code or not _true(step.get("if", "true"), here):
                continue
            if "upload-artifact" in step.get("uses", ""):
                self._upload(step["with"], checkout)
            if "run" not in step or step.get("name") == "Install":
                continue
            output = self.root / "output"
            output.write_text("", encoding="utf-8")
            environ = {**definition.get("env", {}), **step.get("env", {})}
            ran = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=folder,
                env=self._environment({key: _filled(value, here) for key, value in environ.items()}),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            code, log = ran.returncode, f"{log}\n## {step['name']}\n{ran.stdout}"
            if "id" in step:
                lines = output.read_text(encoding="utf-8").splitlines()
                outputs[step["id"]] = dict(line.split("=", 1) for line in lines)
        return Job(code, outputs, log)

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        paths = [str(self.root / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        return {
            **_plain_git(),
            **self.environ,
            **more,
            "PATH": os.pathsep.join(paths),
            "CI": "true",
            "GITHUB_OUTPUT": str(self.root / "output"),
            "GITHUB_STEP_SUMMARY": str(self.root / "summary"),
        }

    def _upload(self, what: Mapping[str, Any], checkout: Path) -> None:
        state = self.load()
        found = {Path(name).name: (checkout / name).read_text(encoding="utf-8") for name in what["path"].split()}
        state["runs"][-1]["artifacts"][what["name"]] = found
        self.save(state)

    def comment(self, number: int, body: str) -> None:
        """Comment on a pull request as a person."""
        state = self.load()
        state["ids"] += 1
        state["comments"].setdefault(str(number), []).append(
            {"id": state["ids"], "body": body, "user": {"type": "User"}}
        )
        self.save(state)

    def comments(self, number: int) -> list[str]:
        """The texts of a pull request's comments."""
        return [item["body"] for item in self.load()["comments"].get(str(number), [])]

    def issues(self, state: str = "open") -> list[dict[str, Any]]:
        return [item for item in self.load()["issues"] if item["state"] == state]


def _value(path: str, context: Mapping[str, Any]) -> str:
    node: Any = context
    for part in path.split("."):
        node = node.get(part, "") if isinstance(node, Mapping) else ""
    return str(node)


def _filled(text: Any, context: Mapping[str, Any]) -> str:
    """A value with its ``${{ }}`` expressions, which are paths here and nothing else."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: _value(found[1], context), str(text))


def _true(condition: str, context: Mapping[str, Any]) -> bool:
    """Whether a condition holds: comparisons of paths and texts, joined by ``&&``."""

    def side(text: str) -> str:
        text = text.strip()
        return text[1:-1] if text.startswith("'") else _value(text, context)

    for part in str(condition).split("&&"):
        if part.strip() in ("true", "True"):
            continue
        left, operator, right = re.split(r"(==|!=)", part)
        if (side(left) == side(right)) != (operator == "=="):
            return False
    return True
