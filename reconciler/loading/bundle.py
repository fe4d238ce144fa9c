"""The code bundle of a data action: a zip that comes out byte for byte the same wherever and whenever it is built.

Files are stored uncompressed in order of their names, with one fixed time and mode, and with the bytes of the working tree.
Symbolic links are followed where they lead to a regular file inside the code folder, and refused elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from reconciler.core.diagnostic import Rule
from reconciler.core.values import Bundle
from reconciler.errors import SourcesMoved
from reconciler.loading import rules
from reconciler.loading.bundle_files import MAX_BYTES, Found, Problem, scan
from reconciler.loading.inside import NotUsable, Reach, inside

ENTRY: Final = "index.js"
"""The file that every bundle has at its root (contract: DataAction)."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_MODE: Final = (stat.S_IFREG | 0o644) << 16


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle, or what is wrong with its folder; exactly one of the two is there."""

    bundle: Bundle | None
    problems: tuple[Problem, ...] = ()


def build_bundle(reach: Reach, path: str, exclude: Sequence[str] = ()) -> Built:
    """Build the bundle of a code folder, given relative to the project, without keeping its bytes."""
    built, _ = _build(reach, path, tuple(exclude))
    return built


def read_bundle(root: Path, bundle: Bundle) -> bytes:
    """Build a bundle again and return its zip; raises `SourcesMoved` where it is not what was planned."""
    if not bundle.path:
        raise SourcesMoved(
            "the manifest knows the code by its digest only", fix="name the folder of the code: code.path"
        )
    built, data = _build(partial(inside, root), bundle.path, bundle.exclude)
    if built.bundle is None:
        raise SourcesMoved(
            f"the code in {bundle.path} cannot be bundled any more: {built.problems[0].message}", fix="plan again"
        )
    if built.bundle.sha256 != bundle.sha256:
        raise SourcesMoved(
            f"the code in {bundle.path} builds another bundle than was planned",
            fix="plan again, or check out the commit that was planned",
        )
    return data


def _build(reach: Reach, path: str, exclude: tuple[str, ...]) -> tuple[Built, bytes]:
    try:
        folder = reach(path)
    except NotUsable as error:
        return _failed(rules.CODE_OUTSIDE, f"code path {path} {error}", "name a folder inside the project")
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        return _failed(rules.NO_CODE, f"code path {path} {what}", f"create {path}/{ENTRY}, or correct the path")
    files, problems = scan(folder, exclude)
    if not problems and ENTRY not in {file.name for file in files}:
        return _failed(rules.NO_CODE, f"{path} has no {ENTRY} at its root", f"create {path}/{ENTRY}")
    if problems:
        return Built(None, tuple(problems)), b""
    return _zip(files, path, exclude)


def _failed(rule: Rule, message: str, fix: str) -> tuple[Built, bytes]:
    return Built(None, (Problem(rule, message, fix),)), b""


def _zip(files: list[Found], path: str, exclude: tuple[str, ...]) -> tuple[Built, bytes]:
    import zipfile

    buffer = io.BytesIO()
    digests: dict[str, str] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            try:
                content = _read(file)
            except OSError as error:
                reason = (error.strerror or "error").lower()
                return _failed(
                    rules.CODE_UNREADABLE, f"{path}/{file.name} cannot be read: {reason}", "make it readable"
                )
            info = zipfile.ZipInfo(file.name, _EPOCH)
            info.create_system = _UNIX
            info.external_attr = _MODE
            archive.writestr(info, content)
            digests[file.name] = hashlib.sha256(content).hexdigest()
            if buffer.tell() > MAX_BYTES:
                return _failed(
                    rules.CODE_TOO_LARGE, f"{path} makes a bundle above 50 MB", "leave files out: code.exclude"
                )
    data = buffer.getvalue()
    return Built(Bundle(hashlib.sha256(data).hexdigest(), digests, path, exclude, len(data))), data


def _read(file: Found) -> bytes:
    """Read a file that was scanned; one that has become something else since is not read."""
    handle = os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "is not a regular file any more")
    with os.fdopen(handle, "rb") as stream:
        return stream.read(MAX_BYTES + 1)
