"""The files of one git tree as a project sees them: folders, links followed without leaving it, manifests found.

The rules are those of `reconciler.loading.inside` and `reconciler.loading.yaml_files.discover`, for names instead of files on
disk: what a revision is found to hold must not depend on where it is looked at.
"""

from __future__ import annotations

import os
import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from reconciler.errors import InvalidProject
from reconciler.loading.git import Entry
from reconciler.loading.inside import NotUsable
from reconciler.loading.yaml_files import SUFFIXES

_MOST_LINKS: Final = 40
_LEAVES: Final = "leaves the project by a link"
_NOWHERE: Final = "cannot be followed: its links lead in a circle, or nowhere"


class GitTree:
    """Entries by name, relative to the project. ``links`` holds where each link leads, by its object.

    ``unsafe`` are names that no file may have (a part is ``..`` or ``.git``), which only a repository made to do harm holds;
    they are left out of everything. ``outside`` are links among manifests that lead out of the project and may be folders;
    ``lost`` are those that lead nowhere, or into a submodule.
    """

    def __init__(self, entries: Iterable[Entry], links: Mapping[str, bytes]) -> None:
        self._links = links
        self.files: dict[str, Entry] = {}
        self.unsafe: list[str] = []
        self.outside: list[str] = []
        self.lost: list[str] = []
        self._children: dict[str, set[str]] = {"": set()}
        for entry in entries:
            if any(part in ("", ".", "..") or part.lower() == ".git" for part in entry.name.split("/")):
                self.unsafe.append(entry.name)
                continue
            self.files[entry.name] = entry
            self._add(entry.name)
        self._names = sorted(self.files)

    def _add(self, name: str) -> None:
        while name:
            folder, _, last = name.rpartition("/")
            known = self._children.setdefault(folder, set())
            if last in known:
                return
            known.add(last)
            name = folder

    def is_folder(self, name: str) -> bool:
        """Whether a real name is that of a folder."""
        return name in self._children

    def has(self, name: str) -> bool:
        """Whether a name leads to a file or folder of the project."""
        if not self._stays(name):
            return False
        real = self.resolve(name)
        return real in self.files or real in self._children

    def _stays(self, name: str) -> bool:
        try:
            self.resolve(name)
        except NotUsable:
            return False
        return True

    def below(self, name: str) -> list[Entry]:
        """The entry of a real name, or all entries below it, by name."""
        if name in self.files:
            return [self.files[name]]
        prefix = f"{name}/" if name else ""
        begin = bisect_left(self._names, prefix)
        end = bisect_left(self._names, prefix[:-1] + "0", begin) if prefix else len(self._names)  # "0" follows "/"
        return [self.files[found] for found in self._names[begin:end]]

    def resolve(self, name: str, *, strict: bool = False) -> str:
        """The real name of a name, with all links followed; it need not exist. Raises `NotUsable` where links lead out.

        ``strict`` is how the system follows them: what a ``..`` leads back from has to be a folder.
        """
        waiting = _parts(name)
        here: list[str] = []
        followed = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                if not here:
                    raise NotUsable(_LEAVES)
                if strict and not self.is_folder("/".join(here)):
                    raise NotUsable(_NOWHERE)
                here.pop()
                continue
            entry = self.files.get("/".join((*here, part)))
            if entry is None or not entry.is_link:
                here.append(part)
                continue
            followed += 1
            target = os.fsdecode(self._links[entry.oid])
            if followed > _MOST_LINKS or not target:
                raise NotUsable(_NOWHERE)
            if target.startswith("/"):
                raise NotUsable(_LEAVES)
            waiting += _parts(target)
        return "/".join(here)

    def manifests(self, folders: Iterable[str]) -> dict[str, str]:
        """The manifest files that folders and files name: the name of each, in order, with its real name.

        Raises `InvalidProject` for a folder that is not there and for a link that leads out of the project.
        """
        found: dict[str, str] = {}
        for folder in folders:
            name = posixpath.normpath(folder)
            name = "" if name == "." else name
            try:
                real = self.resolve(name)
            except NotUsable as error:
                raise _outside(name) from error
            if self.is_folder(real):
                for file, real_file in self._walk(name, real, set()):
                    found.setdefault(real_file, file)
            elif real in self.files:
                found.setdefault(real, name)
            else:
                raise InvalidProject(
                    f"spec.manifests of reconciler.yaml names {folder}, which does not exist",
                    fix=f"create {folder}, or correct spec.manifests",
                )
        return dict(sorted((name, real) for real, name in found.items()))

    def _walk(self, folder: str, real: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        if real in seen:
            return
        seen.add(real)
        prefix, real_prefix = f"{folder}/" if folder else "", f"{real}/" if real else ""
        # Links come last, so that a file or folder is found under its own name first.
        for name in sorted(self._children[real], key=lambda name: (self._is_link(real_prefix + name), name)):
            if name.startswith("."):
                continue
            target = real_prefix + name
            is_manifest = name.endswith(SUFFIXES)
            try:
                target = self.resolve(target, strict=True)
            except NotUsable as error:
                if str(error) == _LEAVES and is_manifest:
                    raise _outside(prefix + name) from error
                if not is_manifest:
                    # On disk it would matter whether it leads to a folder; nobody here knows what is out there.
                    (self.outside if str(error) == _LEAVES else self.lost).append(prefix + name)
            if self.is_folder(target):
                yield from self._walk(prefix + name, target, seen)
            elif is_manifest and not (target in self.files and self.files[target].is_module):
                yield prefix + name, target
            elif target not in self.files:
                self.lost.append(prefix + name)

    def _is_link(self, name: str) -> bool:
        return name in self.files and self.files[name].is_link


def _outside(name: str) -> InvalidProject:
    message = f"the symbolic link {name} leads out of the project"
    return InvalidProject(message, fix="copy what it points to into the project, or remove the link")


def _parts(name: str) -> list[str]:
    """The parts of a name, the first last."""
    return [part for part in reversed(PurePosixPath(name).parts) if part != "."]
