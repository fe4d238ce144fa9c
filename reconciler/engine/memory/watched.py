"""Watches what a project is read from, so that what was found can be recalled while all of that stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.loading.inside import MAX_TEXT_BYTES, NotUsable, inside
from reconciler.loading.project import PROJECT_FILE
from reconciler.loading.yaml_cache import content_digest
from reconciler.loading.yaml_files import read_bytes


class Asked(Mapping[str, str]):
    """An environment that knows whether anything was read from it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.any = False

    def __getitem__(self, name: str) -> str:
        self.any = True
        return self._environ[name]

    def __contains__(self, name: object) -> bool:
        self.any = True
        return name in self._environ

    def __iter__(self) -> Iterator[str]:
        self.any = True
        return iter(self._environ)

    def __len__(self) -> int:
        self.any = True
        return len(self._environ)


class Reached:
    """Finds what a project names, as `inside` does, and knows what each file held before it was handed out."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.named: dict[str, str] = {}

    def __call__(self, name: str) -> Path:
        """The real path; raises `NotUsable`."""
        path = inside(self._root, name)
        with suppress(OSError):
            self.named.setdefault(name, digest_of_file(path))
        return path


@dataclass(slots=True)
class Watched:
    """What was looked at: digests of the project file and of the files that were loaded, and what binding asked for beyond."""

    project: str
    environ: Asked
    reach: Reached
    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def begin(cls, root: Path, environ: Mapping[str, str]) -> Watched:
        """Begin to watch, before the project file is read."""
        project = ""
        with suppress(OSError, NotUsable):
            project = project_digest(root)
        return cls(project, Asked(environ), Reached(root))


def digest_of_file(path: Path) -> str:
    """Empty for a folder: code is built again instead, whatever is in it. Raises `OSError`, also for what is too large to be used."""
    return "" if path.is_dir() else content_digest(read_bytes(path, MAX_TEXT_BYTES)).hex()


def project_digest(root: Path) -> str:
    """What the project file holds now. Raises `NotUsable` and `OSError`."""
    return digest_of_file(inside(root, PROJECT_FILE))
