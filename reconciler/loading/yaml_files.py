"""Finds manifest files and loads them all, in an order that depends on nothing but their names.

Paths are strings here until they are handed out: for 10,000 files, building `Path` objects takes longer than reading.
"""
# ruff: noqa: PTH100, PTH110, PTH112, PTH117, PTH118

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.diagnostic import Diagnostic, Mark
from reconciler.errors import InvalidProject, UsageError
from reconciler.loading.collector import collector_paused
from reconciler.loading.yaml_cache import ParseCache, content_digest, documents_of
from reconciler.loading.yaml_document import Document
from reconciler.loading.yaml_rules import UNREADABLE
from reconciler.loading.yaml_source import Source, make_source

if TYPE_CHECKING:
    from reconciler.loading.yaml_workers import Workers

SUFFIXES = (".yaml", ".yml")
MAX_MANIFEST_BYTES = 50_000_000
"""How large a file of manifests may be; nobody writes such, and a sparse one would take all memory."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def discover(root: Path, folders: Iterable[Path | str]) -> list[Path]:
    """The manifest files that folders and files name, each once, sorted by path relative to the project.

    Relative names count from ``root``. Folders are searched for ``*.yaml`` and ``*.yml``, hidden folders and files left out;
    a file named itself is taken whatever its name. Raises `UsageError` for a name that does not exist or lies outside the
    project, and `InvalidProject` for a symbolic link that leads out of it or nowhere, and for a folder that cannot be read:
    leaving out what is there would look as if those manifests had been deleted.
    """
    base = os.path.realpath(root)
    start = os.path.abspath(root)
    found: dict[str, str] = {}
    for name in folders:
        path = os.path.normpath(os.path.join(start, name))
        real = os.path.realpath(path)
        if not _inside(real, base):
            raise UsageError(f"{name} is outside the project", fix="name files or folders inside the project's folder")
        if _of_git(real, base):
            raise UsageError(f"{name} belongs to git, not to the project", fix="name files or folders of the project")
        if os.path.isdir(path):
            for real_file, file in _walk(path, base, set()):
                found.setdefault(real_file, file)
        elif os.path.exists(path):
            found.setdefault(real, path)
        else:
            raise UsageError(f"{name} does not exist", fix="check the path; it is relative to the project")
    # A name may lead here through a link above the project; what is returned always lies below ``root`` itself.
    below = [
        file if _inside(file, start) else os.path.join(start, os.path.relpath(real, base))
        for real, file in found.items()
    ]
    return [Path(path) for path in sorted(below, key=lambda path: relative_name(path, start))]


def load_files(
    paths: Iterable[Path], root: Path, cache: ParseCache | None = None, seen: dict[str, bytes] | None = None
) -> tuple[list[Document], list[Diagnostic]]:
    """Load files: their documents in order of path and place, and everything that is wrong with them; as `Loading` does."""
    return _all_of(Loading.of_files(paths, root, cache, seen))


def load_contents(
    contents: Iterable[tuple[str, bytes]], cache: ParseCache | None = None, seen: dict[str, bytes] | None = None
) -> tuple[list[Document], list[Diagnostic]]:
    """Load files that were read already, given by name and content, as `load_files` does; in the order given."""
    return _all_of(Loading(contents, cache, seen))


class Loading:
    """Files on their way to documents, which are given in the order of the files while others are still being parsed.

    Use it as a context manager: files have been read and workers are at it once it is made. ``documents`` are those that were
    given so far; ``diagnostics`` is whole, and sorted, when all have been. Nothing is written to the cache: see `ParseCache.store`.
    ``seen`` is given the digest of each file's content as it was read, by the file's name in the project; that takes a cache.
    """

    def __init__(
        self,
        contents: Iterable[tuple[str, bytes]],
        cache: ParseCache | None = None,
        seen: dict[str, bytes] | None = None,
    ) -> None:
        self.documents: list[Document] = []
        self.diagnostics: list[Diagnostic] = []
        self._loaded: list[tuple[Source, list[Document] | None]] = []
        with collector_paused():
            for name, content in contents:
                source = make_source(content, name, content_digest(content) if cache is not None else b"")
                self._loaded.append((source, cache.find(source) if cache is not None else None))
                if seen is not None:
                    seen[name] = source.digest
        self._fresh = [source for source, found in self._loaded if found is None]
        self._workers = _workers_for(self._fresh)

    @classmethod
    def of_files(
        cls,
        paths: Iterable[Path],
        root: Path,
        cache: ParseCache | None = None,
        seen: dict[str, bytes] | None = None,
    ) -> Loading:
        """Load files by their paths. One that cannot be read is a finding like any other."""
        base = os.path.abspath(root)
        named = sorted({relative_name(os.fspath(path), base): path for path in paths}.items())
        unread: list[Diagnostic] = []

        def contents() -> Iterator[tuple[str, bytes]]:
            for name, path in named:
                try:
                    yield name, read_bytes(path)
                except OSError as error:
                    unread.append(unreadable(name, error))

        loading = cls(contents(), cache, seen)
        loading.diagnostics += unread
        return loading

    @property
    def all_known(self) -> bool:
        """Whether the cache knew every file."""
        return not self._fresh

    def __enter__(self) -> Loading:
        if self._workers is not None:
            self._workers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._workers is not None:
            self._workers.__exit__(*error)

    def __iter__(self) -> Iterator[Document]:
        """The documents, once."""
        with collector_paused():
            parsed = self._parsed()
            for _, found in self._loaded:
                documents = next(parsed) if found is None else found
                self.documents += documents
                yield from documents
        self.diagnostics.sort(key=lambda item: item.sort_key)

    def _parsed(self) -> Iterator[list[Document]]:
        """The documents of each source that the cache does not know; findings go to ``diagnostics``."""
        if self._fresh:
            from reconciler.loading.yaml_parse import parse_source
        for position, source in enumerate(self._fresh):
            part = self._workers.part(position) if self._workers is not None else None
            if part is not None:
                yield documents_of(part, source)
            else:
                documents, problems = parse_source(source)
                self.diagnostics += problems
                yield documents


def _all_of(loading: Loading) -> tuple[list[Document], list[Diagnostic]]:
    with loading:
        return list(loading), loading.diagnostics


def _workers_for(sources: list[Source]) -> Workers | None:
    """Processes that parse sources on as many cores as is worth it; None where it is not."""
    if not sources:
        return None
    from reconciler.loading.yaml_workers import Workers, processes_for, shared_out

    sizes = [len(source.data) for source in sources]
    processes = processes_for(sum(sizes))
    if processes < 2:
        return None
    from reconciler.loading.yaml_parse import parse_clean

    return Workers(sources, shared_out(sizes, processes), parse_clean)


def digests_of(paths: Iterable[Path], root: Path) -> dict[str, bytes]:
    """The digests that `load_files` would give to ``seen``, without loading anything. Raises `OSError`."""
    base = os.path.abspath(root)
    return {relative_name(name, base): content_digest(read_bytes(name)) for name in map(os.fspath, paths)}


def relative_name(path: str, base: str) -> str:
    """The path relative to the project's absolute folder, with forward slashes."""
    if path.startswith(base + os.sep):
        path = path[len(base) + 1 :]
    elif os.path.isabs(path):
        path = os.path.relpath(path, base)
    return path.replace(os.sep, "/")


def read_bytes(path: Path | str, most: int = MAX_MANIFEST_BYTES) -> bytes:
    """A regular file's content, for thousands of small files quicker than `Path.read_bytes`.

    Raises `OSError`, also for more than ``most`` bytes.
    """
    handle = os.open(path, _FLAGS)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_size <= most:
            # One byte more than there should be: a full answer would mean that the file is growing.
            content = os.read(handle, status.st_size + 1)
            if len(content) == status.st_size:
                return content
            with open(handle, "rb", closefd=False) as file:
                file.seek(0)
                content = file.read(most + 1)
            if len(content) <= most:
                return content
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
    finally:
        os.close(handle)


def unreadable(name: str, error: OSError) -> Diagnostic:
    """The finding for a file that the operating system refuses to read."""
    message = f"the file cannot be read: {error.strerror or type(error).__name__}"
    return Diagnostic(UNREADABLE, message, Mark(name, 1, 1), fix="check that it exists and that you may read it")


def _inside(path: str, base: str) -> bool:
    return path == base or path.startswith(base.rstrip(os.sep) + os.sep)


def _of_git(path: str, base: str) -> bool:
    """As `reconciler.loading.inside.inside` has it: checkouts in pipelines leave tokens there, and errors quote what they read."""
    return ".git" in Path(path[len(base) :]).parts


def _walk(folder: str, base: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """All manifest files below a folder, with their real paths; links are followed inside the project, each folder once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        with os.scandir(folder) as entries:
            # Links come last, so that a file or folder is found under its own name first.
            ordered = sorted(entries, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        message = f"the folder {relative_name(folder, base)} cannot be read: {error.strerror or type(error).__name__}"
        raise InvalidProject(
            message, fix="give this user the right to read it: there may be manifests in it"
        ) from error
    for entry in ordered:
        if entry.name.startswith("."):
            continue
        is_folder = _is_folder(entry, base)
        if not (is_folder or entry.name.endswith(SUFFIXES)):
            continue
        target = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
        if not _inside(target, base):
            message = f"the symbolic link {relative_name(entry.path, base)} leads out of the project"
            raise InvalidProject(message, fix="copy what it points to into the project, or remove the link")
        if _of_git(target, base):
            message = f"the symbolic link {relative_name(entry.path, base)} leads to what belongs to git"
            raise InvalidProject(message, fix="remove the link")
        if is_folder:
            yield from _walk(entry.path, base, seen)
        else:
            yield target, entry.path


def _is_folder(entry: os.DirEntry[str], base: str) -> bool:
    """Whether an entry is a folder, or a link to one. What a manifest's name leads to is seen when that is read."""
    if not entry.is_symlink():
        return entry.is_dir()
    try:
        return stat.S_ISDIR(entry.stat().st_mode)
    except OSError as error:
        if entry.name.endswith(SUFFIXES):
            return False
        reason = error.strerror or type(error).__name__
        message = f"the symbolic link {relative_name(entry.path, base)} leads nowhere: {reason}"
        fix = "put back what it points to, in which there may be manifests, or remove the link"
        raise InvalidProject(message, fix=fix) from error
