"""Adding a pipeline to a project: what it needs is checked first, and nothing is written unless all of it can be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click

from reconciler.cli.common import Settings
from reconciler.cli.init import write_new
from reconciler.cli.pipelines import Pipeline, Wanted
from reconciler.engine.state.s3_place import parse_place
from reconciler.errors import InvalidProject, StorageError, UsageError
from reconciler.loading.edit_text import Edit, Uneditable, edit_document
from reconciler.loading.format_files import Formatted, write_formatted
from reconciler.loading.project import EMULATOR_URL, PROJECT_FILE
from reconciler.loading.project_file import load_project

_NEW_TARGET = """\
    {target}:
      url: https://api-us-2.cxone.com
      ledger: {ledger}
      auth:
        clientId: "${{env:CXONE_CLIENT_ID}}"
        clientSecret: "${{secret:env:CXONE_CLIENT_SECRET}}"
"""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_BRANCH = re.compile(r"[\w./-]+")


def add_pipeline(
    settings: Settings, folder: Path, fresh: dict[str, str], wanted: Wanted
) -> tuple[list[str], list[str]]:
    """Write the pipeline's files, and those of a ``fresh`` project; returns what was written, and what is left to do.

    Raises `UsageError` where there is no shared ledger: a pipeline's machine is gone after each run, and its files with it.
    """
    if not _NAME.fullmatch(wanted.target):
        raise UsageError(f"--target {wanted.target!r}: write lower-case letters, digits and dashes")
    ledger = "" if fresh else _declared_ledger(folder, wanted.target)
    new_ledger = "" if ledger and not wanted.ledger else _shared(settings, wanted, ledger)
    repository = _repository(folder)
    place = folder.resolve().relative_to(repository).as_posix()
    branch = wanted.branch or _main_branch(repository)
    if not _BRANCH.fullmatch(branch):
        raise UsageError(f"--branch {branch!r} is no name of a branch")
    pipeline = Pipeline(wanted.system, wanted.target, branch, place)
    if fresh:
        fresh = {**fresh, PROJECT_FILE: _with_target(fresh[PROJECT_FILE], wanted.target, new_ledger)}
    texts = pipeline.files(repository)
    texts = _new(repository, texts)
    edited = "" if fresh or not new_ledger else _with_ledger(folder, wanted.target, new_ledger)
    written = write_new(folder, fresh) if fresh else []
    written += write_new(repository, texts, ignore=False)
    if edited:
        path = folder / PROJECT_FILE
        write_formatted(Formatted(PROJECT_FILE, path, path.read_text(encoding="utf-8"), edited, changed=True))
        written.append(str(path))
    return written, pipeline.next_steps(repository)


def _new(repository: Path, texts: dict[str, str]) -> dict[str, str]:
    """The files that are to be written: what another system's pipeline brought along need not be. Raises `UsageError`."""
    same = {name for name, text in texts.items() if _holds(repository / name, text)}
    taken = [name for name in texts if (repository / name).exists() and (name not in same or len(same) == len(texts))]
    if taken:
        are, them = ("is", "it") if len(taken) == 1 else ("are", "them")
        raise UsageError(
            f"{', '.join(taken)} {are} there already; nothing was written", fix=f"move {them} away, or merge by hand"
        )
    return {name: text for name, text in texts.items() if name not in same}


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _declared_ledger(folder: Path, target_name: str) -> str:
    """The ledger of the project's target if it is a shared one, else an empty text."""
    project = load_project(folder)
    try:
        target = project.target(target_name)
    except InvalidProject as error:
        raise UsageError(
            f"the project has no target {target_name}",
            fix="declare it in reconciler.yaml, or name another with --target",
        ) from error
    if target.url == EMULATOR_URL:
        raise UsageError(
            f"target {target_name} is the embedded emulator, whose state stays on one machine",
            fix="name the target of a tenant with --target",
        )
    return "" if target.ledger.startswith("file:") else target.ledger


def _shared(settings: Settings, wanted: Wanted, declared: str) -> str:
    """The shared ledger's URL, asked for where nobody said."""
    url = wanted.ledger
    if not url and settings.interactive and sys.stdin.isatty():
        url = click.prompt(f"Where shall {wanted.target} keep its ledger? (s3://bucket/path)", err=True)
    if declared and url and url != declared:
        raise UsageError(f"target {wanted.target} has the ledger {declared} already", fix="leave --ledger out")
    if not url.startswith("s3://") or len(url) <= len("s3://"):
        what = f"{url!r} is not shared" if url else "a pipeline needs a ledger that its machines share"
        raise UsageError(
            f"{what}: a runner's own files are gone after each run, and with them what was applied",
            fix=f"--ledger s3://bucket/{wanted.target}",
        )
    try:
        parse_place(url, wanted.target)
    except InvalidProject as error:
        raise UsageError(error.message, fix=f"--ledger s3://bucket/{wanted.target}") from error
    return url


def _with_target(text: str, target: str, ledger: str) -> str:
    """The new project file with the target in place of the commented example."""
    head, _, _ = text.partition("    # prod:\n")
    return head + _NEW_TARGET.format(target=target, ledger=ledger)


def _with_ledger(folder: Path, target: str, ledger: str) -> str:
    """The project file with the target's ledger set; comments and layout stay."""
    path = folder / PROJECT_FILE
    try:
        text = path.read_text(encoding="utf-8")
        return edit_document(text, 0, [Edit(("spec", "targets", target, "ledger"), ledger)])
    except Uneditable as error:
        raise UsageError(
            f"{PROJECT_FILE} cannot be edited: {error}", fix=f"write ledger: {ledger} under spec.targets.{target}"
        ) from error
    except OSError as error:
        raise StorageError(f"{PROJECT_FILE} cannot be read: {error.strerror}", fix="check its permissions") from error


def _repository(folder: Path) -> Path:
    """The root of the git repository that a folder is in; the folder itself where there is none."""
    start = folder.resolve()
    return next((path for path in (start, *start.parents) if (path / ".git").exists()), start)


def _main_branch(repository: Path) -> str:
    """The branch that the remote names as its own."""
    command = ["git", "-C", str(repository), "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return "main"
    name = found.stdout.strip().removeprefix("origin/")
    return name if found.returncode == 0 and name else "main"
