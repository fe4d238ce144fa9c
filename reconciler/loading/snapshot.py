"""A project as it was committed: its files are read from git's objects, and few of them are ever written anywhere.

Manifests go from git to the parser. Other files that they use (code, patches, schemas, texts) are brought into a folder of
this process's own when binding reaches for them, so that the same code judges a revision and a work tree.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from reconciler.core.diagnostic import Diagnostic, Mark
from reconciler.core.values import Tree
from reconciler.errors import InvalidProject
from reconciler.loading.git import Entry, Repository
from reconciler.loading.git_tree import GitTree
from reconciler.loading.inside import NotUsable, inside
from reconciler.loading.project import PROJECT_FILE, Project
from reconciler.loading.project_file import read_project
from reconciler.loading.project_settings import project_settings
from reconciler.loading.yaml_files import unreadable
from reconciler.loading.yaml_rules import UNREADABLE

MAX_BYTES: Final = 50_000_000
"""How large a file may be to be read at all: what a whole code bundle may hold (contract: DataAction)."""

MOST_BYTES: Final = 2_000_000_000
"""How much all files may hold together that are brought for one project."""

_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ .*\n)*?oid sha256:([0-9a-f]{64})\n"
)
_POINTER_BYTES: Final = 1024
_NOWHERE: Final = ".leads-out-of-the-project"


class Snapshot:
    """The files of a project in one commit. ``folder`` is where files are brought that something needs as files.

    ``pointers`` maps the SHA-256 of each Git LFS pointer that was met to that of the content which it stands for.
    """

    def __init__(self, repository: Repository, commit: str, folder: Path) -> None:
        self._repository = repository
        self.commit = commit
        self.folder = folder
        entries = repository.entries(commit)
        links = dict(repository.read(entry.oid for entry in entries if entry.is_link))
        self.tree = GitTree(entries, links)
        self.pointers: dict[str, str] = {}
        self._brought: set[str] = set()
        self._room = MOST_BYTES

    @classmethod
    @contextmanager
    def open(cls, repository: Repository, commit: str) -> Iterator[Snapshot]:
        """A snapshot whose folder lives as long as the context."""
        with TemporaryDirectory(prefix="reconciler-") as folder:
            yield cls(repository, commit, Path(folder).resolve())

    @property
    def has_project(self) -> bool:
        """Whether there is a project file at all."""
        return PROJECT_FILE in self.tree.files

    def project(self) -> Project:
        """The project as its file declares it there; its root is `folder`. Raises `InvalidProject`."""
        return read_project(self._project_file(), self.folder)

    def settings(self, project: Project) -> Tree:
        """What the project file and the files of guards say there, as a plain tree. Raises `InvalidProject`."""
        files = {name: self.tree.files.get(real) for name, real in self.guard_files(project).items()}
        return project_settings(self._project_file(), self._contents(files)[0])

    def _project_file(self) -> bytes:
        try:
            entry = self.tree.files.get(self.tree.resolve(PROJECT_FILE))
        except NotUsable as error:
            raise InvalidProject(f"{PROJECT_FILE} {error}", fix="make it a file of the project") from error
        contents, problems = self._contents({PROJECT_FILE: entry})
        if problems:
            raise InvalidProject(f"{PROJECT_FILE}: {problems[0].message}", fix="make it a readable text file")
        return contents[0][1]

    def manifests(self, project: Project) -> tuple[list[tuple[str, bytes]], list[Diagnostic]]:
        """The manifest files of a project, each with its content, and what cannot be read. Raises `InvalidProject`."""
        found = self.tree.manifests(project.manifests)
        for name in self.guard_files(project):
            found.pop(name, None)
        return self._contents({name: self.tree.files.get(real) for name, real in found.items()})

    def guard_files(self, project: Project) -> dict[str, str]:
        """The files of guards and acknowledgements, as `GitTree.manifests` has them; what is not there is left out."""
        named = (*project.guards.rules, *project.guards.acknowledgements)
        return self.tree.manifests(name for name in named if self.tree.has(name))

    def _contents(self, files: dict[str, Entry | None]) -> tuple[list[tuple[str, bytes]], list[Diagnostic]]:
        there = {
            name: entry for name, entry in files.items() if entry is not None and not (entry.is_module or entry.is_link)
        }
        sizes = self._repository.sizes(entry.oid for entry in there.values())
        small = (entry.oid for entry in there.values() if sizes[entry.oid] <= MAX_BYTES)
        read = dict(self._repository.read(small))
        contents: list[tuple[str, bytes]] = []
        problems: list[Diagnostic] = []
        for name in files:
            entry = there.get(name)
            content = read.get(entry.oid) if entry is not None else None
            if entry is None:
                problems.append(unreadable(name, OSError(errno.ENOENT, os.strerror(errno.ENOENT))))
            elif content is None:
                problems.append(_unusable(name, f"the file has more than {MAX_BYTES:,} bytes"))
            elif self._pointer(content):
                problems.append(
                    _unusable(name, "the file is a Git LFS pointer, and its content is not in the repository")
                )
            else:
                contents.append((name, content))
        return contents, problems

    def reach(self, name: str) -> Path:
        """Where the file or folder that a project names can be read; it is brought there first. Raises `NotUsable`."""
        inside(self.folder, name)
        real = self.tree.resolve(name)
        try:
            self._bring(real)
        except OSError as error:
            raise NotUsable(f"cannot be written aside: {(error.strerror or 'error').lower()}") from error
        return self.folder / real

    def _bring(self, name: str) -> None:
        """Write a file, or all files below a folder, each once; links stay links and never lead out of `folder`."""
        waiting = [name]
        while waiting:
            entries = [entry for entry in self.tree.below(waiting.pop()) if entry.name not in self._brought]
            self._brought.update(entry.name for entry in entries)
            for link in (entry for entry in entries if entry.is_link):
                waiting += self._link(link.name)
            self._write([entry for entry in entries if not entry.is_link and not entry.is_module])

    def _write(self, entries: list[Entry]) -> None:
        sizes = self._repository.sizes(entry.oid for entry in entries)
        self._room -= sum(sizes[entry.oid] for entry in entries if sizes[entry.oid] <= MAX_BYTES)
        if self._room < 0:
            raise NotUsable(f"takes more than {MOST_BYTES:,} bytes, with all else that is used")
        names: dict[str, list[Path]] = {}
        for entry in entries:
            path = self.folder / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if sizes[entry.oid] > MAX_BYTES:
                # As large as it was, and empty: its size alone is what it is refused for.
                with path.open("xb") as file:
                    file.truncate(sizes[entry.oid])
            else:
                names.setdefault(entry.oid, []).append(path)
        for oid, content in self._repository.read(names):
            self._pointer(content)
            for path in names[oid]:
                with path.open("xb") as file:
                    file.write(content)

    def _link(self, name: str) -> list[str]:
        """Make a link to where it really leads; returns what has to be brought with it."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            real = self.tree.resolve(name)
        except NotUsable:
            path.symlink_to(_NOWHERE)
            return []
        path.symlink_to(os.path.relpath(self.folder / real, path.parent))
        return [real]

    def _pointer(self, content: bytes) -> bool:
        """Whether a content is a Git LFS pointer, which is remembered."""
        found = _POINTER.match(content) if len(content) <= _POINTER_BYTES else None
        if found is None:
            return False
        self.pointers[hashlib.sha256(content).hexdigest()] = found[1].decode("ascii")
        return True


def _unusable(name: str, message: str) -> Diagnostic:
    return Diagnostic(UNREADABLE, message, Mark(name, 1, 1), fix="keep manifests small, and in git itself")
