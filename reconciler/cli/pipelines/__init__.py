"""Pipelines for a project: what `init --ci` writes, filled in for one target."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from reconciler import __version__

System = Literal["github", "gitlab"]

REQUIREMENTS: Final = "requirements-reconciler.txt"
"""What the pipeline installs; beside ``reconciler.yaml``."""

_FILES: Final[dict[System, dict[str, str]]] = {
    "github": {
        ".github/workflows/reconciler-review.yml": "github-review.yml",
        ".github/workflows/reconciler-apply.yml": "github-apply.yml",
        ".github/workflows/reconciler-drift.yml": "github-drift.yml",
    },
    "gitlab": {".gitlab/reconciler.yml": "gitlab.yml"},
}

_GITLAB_ROOT: Final = ".gitlab-ci.yml"
_INCLUDE: Final = "include:\n  - local: .gitlab/reconciler.yml\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: ``ledger`` and ``branch`` are empty where nobody said."""

    system: System
    target: str
    ledger: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What differs from project to project.

    ``folder`` is the project's place in its repository (``.`` for the root), ``branch`` the one that is applied.
    """

    system: System
    target: str
    branch: str
    folder: str = "."

    def files(self, repository: Path) -> dict[str, str]:
        """The texts by path relative to the repository's root."""
        found = {path: self._filled(name) for path, name in _FILES[self.system].items()}
        if self.system == "gitlab" and not (repository / _GITLAB_ROOT).exists():
            found[_GITLAB_ROOT] = _INCLUDE
        return {**found, self._prefix + REQUIREMENTS: _requirements()}

    @property
    def _prefix(self) -> str:
        return "" if self.folder == "." else f"{self.folder}/"

    def _filled(self, name: str) -> str:
        text = (files(__name__) / name).read_text(encoding="utf-8")
        for word, value in (
            ("TARGET", self.target),
            ("BRANCH", self.branch),
            ("FOLDER", self.folder),
            ("PREFIX", self._prefix),
        ):
            text = text.replace(f"@{word}@", value)
        return text

    def next_steps(self, repository: Path) -> list[str]:
        """What is left to do by hand, where only a person can."""
        if self.system == "github":
            pair = "the secrets CXONE_CLIENT_ID and CXONE_CLIENT_SECRET"
            reads, writes = f"cxone-{self.target}-plan", f"cxone-{self.target}"
            return [
                f"create the environment {reads} with {pair} of a client that can only read",
                f"create the environment {writes} with {pair} of a client that can write, and its reviewers",
                "give both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (secrets) and AWS_REGION (variable) for the ledger",
                "require the checks `validate and compare` and `plan` before merging",
            ]
        steps = [f"set the variables that {next(iter(_FILES['gitlab']))} names in its first lines"]
        if _INCLUDE not in (repository / _GITLAB_ROOT).read_text(encoding="utf-8"):
            steps.insert(0, f"include it: add `- local: .gitlab/reconciler.yml` to {_GITLAB_ROOT}'s include")
        return [*steps, "add a schedule for the job reconciler-drift"]


def _requirements() -> str:
    return (
        "# What the pipeline runs. Where your package index does not have it, name a wheel or a repository at a commit.\n"
        f"reconciler[gitops]=={__version__}\n"
    )
