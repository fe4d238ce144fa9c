"""Which git commit the manifests are at, read without running git."""

from __future__ import annotations

import re
from pathlib import Path

_HASH = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?$")


def current_commit(root: Path) -> str:
    """The commit that HEAD names (hex), or an empty text outside of a repository; uncommitted changes are not looked at."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if git.exists():
            return _head(_git_folder(git))
    return ""


def _git_folder(git: Path) -> Path:
    """The repository's own folder; in a work tree ``.git`` is a file that points there."""
    if git.is_dir():
        return git
    try:
        text = git.read_text(encoding="utf-8").strip()
    except OSError:
        return git
    return (git.parent / text.removeprefix("gitdir:").strip()).resolve()


def _head(git: Path) -> str:
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head if _HASH.match(head) else ""
        name = head.removeprefix("ref:").strip()
        common = git
        if (git / "commondir").is_file():
            common = (git / (git / "commondir").read_text(encoding="utf-8").strip()).resolve()
        loose = common / name
        if loose.is_file():
            found = loose.read_text(encoding="utf-8").strip()
            return found if _HASH.match(found) else ""
        for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
            found, _, ref = line.partition(" ")
            if ref == name and _HASH.match(found):
                return found
    except (OSError, UnicodeDecodeError, ValueError):
        return ""
    return ""
