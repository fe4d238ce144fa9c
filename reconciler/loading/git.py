"""Reads a git repository through the git program: revisions, listings and the content of files, never a work tree.

Nothing that a repository holds is ever executed: only commands that read objects are run, no hook, filter, pager or external
diff takes part in them, no credentials are asked for, and nothing is fetched. What a caller names is always an argument of its
own behind ``--end-of-options``, and no shell sees it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.errors import GitError, UsageError

_BATCH_BYTES: Final = 64 * 1024 * 1024
"""How many bytes of content are asked for at once; listings of manifests are far below it."""

_TIMEOUT_SECONDS: Final = 300

# A hook or an alias of git sets these for its own repository, which may be another one than the project's.
_FOREIGN: Final = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_REPLACE_REF_BASE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
    }
)
# Objects that a partial clone lacks are missing, not fetched; older versions of git know only the empty list of protocols.
_SETTINGS: Final = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_PAGER": "cat",
}

_NO_REPOSITORY: Final = ("not a git repository", "must be run in a work tree", "cannot use bare repository")

REV_HELP: Final = "name a branch, a tag or a commit, such as origin/main or HEAD~1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a listing: ``mode`` as git writes it, ``name`` relative to the listed folder, with forward slashes."""

    mode: str
    oid: str
    name: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, whose content is where it leads."""
        return self.mode == "120000"

    @property
    def is_module(self) -> bool:
        """Whether it is a submodule: a commit of another repository, of which this one has no file."""
        return self.mode == "160000"


class Repository:
    """The repository that a folder lies in; ``prefix`` is the folder in it, empty for the top, else with a final slash."""

    def __init__(self, folder: Path, git: str) -> None:
        self.folder = folder
        self._git = git
        self.prefix = os.fsdecode(self._run("rev-parse", "--show-prefix").removesuffix(b"\n"))

    @classmethod
    def of(cls, folder: Path) -> Repository:
        """The repository of a folder; raises `GitError` where there is none, or no git."""
        git = shutil.which("git")
        if git is None:
            raise GitError("git is not installed", fix="install git, and have it in PATH")
        return cls(folder, os.path.abspath(git))  # noqa: PTH100 - a relative PATH must not count from another folder

    def commit(self, revision: str) -> str:
        """The commit (hex) that a revision names; raises `UsageError` for what is none, `GitError` where it is missing."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise UsageError(f"{revision!r} is not a revision", fix=REV_HELP)
        done = self._call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        found = done.stdout.decode("ascii", "replace").strip()
        if done.returncode == 0 and found:
            return found
        self._refuse_unusable(done)
        raise self._unknown(revision)

    def merge_base(self, first: str, second: str) -> str:
        """The newest commit that two commits (hex) have in common; empty where there is none."""
        done = self._call("merge-base", first, second)
        if done.returncode == 1:
            return ""
        return self._checked(done).decode("ascii").strip()

    @property
    def shallow(self) -> bool:
        """Whether its history is cut off."""
        return self._run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def entries(self, commit: str) -> list[Entry]:
        """All files of this folder in a commit, whatever their kind; none where the folder was not there."""
        where = f"{commit}:{self.prefix.removesuffix('/')}"
        done = self._call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{where}")
        tree = done.stdout.decode("ascii", "replace").strip()
        if done.returncode or not tree or self._run("cat-file", "-t", tree).strip() != b"tree":
            return []
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", tree)
        return [_entry(line) for line in listing.split(b"\0") if line]

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """The size in bytes of each blob; raises `GitError` where one is missing, as in a partial clone."""
        wanted = list(dict.fromkeys(oids))
        answer = self._run("cat-file", "--batch-check", given=_lines(wanted)).decode("ascii", "replace")
        sizes = {}
        for line in answer.splitlines():
            oid, kind, *size = line.split(" ")
            if kind == "missing" or not size:
                raise _partial(oid)
            sizes[oid] = int(size[0])
        return sizes

    def read(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The content of blobs, each once, in batches of bounded size."""
        sizes = self.sizes(oids)
        batch: list[str] = []
        total = 0
        for oid, size in sizes.items():
            if batch and total + size > _BATCH_BYTES:
                yield from self._batch(batch)
                batch, total = [], 0
            batch.append(oid)
            total += size
        if batch:
            yield from self._batch(batch)

    def _batch(self, oids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        answer = self._run("cat-file", "--batch", given=_lines(oids))
        position = 0
        for oid in oids:
            end = answer.find(b"\n", position)
            words = answer[position:end].split(b" ")
            if end < 0 or len(words) != 3:
                raise _partial(oid)
            position = end + 1 + int(words[2])
            yield oid, answer[end + 1 : position]
            position += 1

    def _unknown(self, revision: str) -> GitError:
        if self.shallow:
            return GitError(
                f"there is no revision {revision} here, where history is cut off (a shallow clone)",
                fix="fetch it: `git fetch --depth=1 origin REV` or `git fetch --unshallow`; "
                "in GitHub Actions set fetch-depth: 0 of actions/checkout, in GitLab CI GIT_DEPTH: 0",
            )
        return GitError(f"there is no revision {revision} in this repository", fix=f"{REV_HELP}; `git fetch` it first")

    def _run(self, *arguments: str, given: bytes = b"") -> bytes:
        return self._checked(self._call(*arguments, given=given))

    def _call(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environ = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        # A folder of the work tree that looks like a bare repository is not one: its settings could name programs.
        command = [self._git, "--no-pager", "-c", "safe.bareRepository=explicit", "-C", str(self.folder), *arguments]
        try:
            return subprocess.run(  # noqa: S603 - a fixed program, arguments apart, no shell
                command,
                input=given,
                capture_output=True,
                check=False,
                env={**environ, **_SETTINGS},
                timeout=_TIMEOUT_SECONDS,
            )
        except (OSError, ValueError) as error:
            raise GitError(f"git cannot be run: {error}", fix="check the installation of git") from error
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git did not answer within {_TIMEOUT_SECONDS} s", fix="look at the repository") from error

    def _checked(self, done: subprocess.CompletedProcess[bytes]) -> bytes:
        if done.returncode == 0:
            return done.stdout
        self._refuse_unusable(done)
        raise GitError(
            f"git says: {_said(done) or f'exit {done.returncode}'}", fix="look at the repository: `git fsck`"
        )

    def _refuse_unusable(self, done: subprocess.CompletedProcess[bytes]) -> None:
        said = _said(done)
        if any(words in said for words in _NO_REPOSITORY):
            raise GitError(
                f"{self.folder} is not in a git repository",
                fix="revisions need one: `git init`, or leave out the revision",
            )
        if "dubious ownership" in said:
            raise GitError(
                f"git does not read the repository of {self.folder}, since it belongs to somebody else",
                fix=f"if you trust it: git config --global --add safe.directory '{self._top()}'",
            )

    def _top(self) -> Path:
        return next((item for item in (self.folder, *self.folder.parents) if (item / ".git").exists()), self.folder)


def _entry(line: bytes) -> Entry:
    head, _, name = line.partition(b"\t")
    mode, _, oid = head.decode("ascii").split(" ")
    return Entry(mode, oid, os.fsdecode(name))


def _lines(oids: Iterable[str]) -> bytes:
    return "".join(f"{oid}\n" for oid in oids).encode("ascii")


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line that git printed as its reason."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "")
    return found.partition(": ")[2] or found


def _partial(oid: str) -> GitError:
    return GitError(
        f"the repository lacks the object {oid}: it is a partial clone, or damaged",
        fix="clone without --filter, or `git fetch --refetch`; nothing is fetched from here",
    )
