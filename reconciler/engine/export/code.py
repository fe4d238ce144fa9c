"""Finding the sources of live code: the folders of the project whose bundle is the one that the tenant runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.loading.bundle import ENTRY, build_bundle
from reconciler.loading.inside import NotUsable, inside


def bundles_in(root: Path, folders: Iterable[Path]) -> dict[str, str]:
    """Every code folder below some folders of the project, by the SHA-256 of the bundle that it builds.

    Raises `UsageError` for a folder that does not exist or lies outside of the project.
    """
    found: dict[str, str] = {}
    for folder in folders:
        try:
            start = inside(root, folder.absolute().relative_to(root).as_posix())
        except (NotUsable, ValueError) as error:
            raise UsageError(
                f"{folder} is not inside the project", fix="copy the code into a folder of the project"
            ) from error
        if not start.is_dir():
            raise UsageError(f"{folder} is no folder", fix="name a folder that holds the code of actions")
        for place in sorted(_code_folders(start)):
            name = place.relative_to(root.resolve()).as_posix()
            built = build_bundle(partial(inside, root), name)
            if built.bundle is not None:
                found.setdefault(built.bundle.sha256, name)
    return found


def _code_folders(folder: Path) -> Iterator[Path]:
    """Folders with an entry file, not those inside them."""
    if (folder / ENTRY).is_file():
        yield folder
        return
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.is_symlink() and not below.name.startswith("."):
            yield from _code_folders(below)
