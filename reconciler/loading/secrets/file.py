"""Secrets in files: ``file:PATH`` is the whole text, ``file:PATH#key`` one key of a JSON object.

Relative paths are the project's and stay inside it; absolute ones are for what a platform mounts (``/run/secrets/…``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import SecretUnavailable
from reconciler.loading.inside import NotUsable, inside, read_text
from reconciler.loading.secrets.base import Address


class FileSecrets:
    """Reads files; one that does not exist is out of reach here, one that cannot be used is an error."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, address: Address) -> str | None:
        """The file's text without its last newline, or the value of a key in it."""
        try:
            path = Path(address.path) if address.path.startswith("/") else inside(self._root, address.path)
            text = read_text(path)
        except NotUsable as error:
            if error.absent:
                return None
            raise SecretUnavailable(
                f"the secret file {address.path} {error}", fix="make it a readable text file, or name another"
            ) from error
        if not text:
            raise SecretUnavailable(f"the secret file {address.path} is empty", fix="write the secret into it")
        return _key_of(text, address) if address.key else text


def _key_of(text: str, address: Address) -> str:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    # Not chained: the parser's error would quote what it could not parse.
    value = content.get(address.key) if isinstance(content, dict) else None
    if isinstance(value, str) and value:
        return value
    if isinstance(content, dict):
        raise SecretUnavailable(
            f"the secret file {address.path} has no text under {address.key}", fix="check the key after #"
        )
    raise SecretUnavailable(
        f"the secret file {address.path} is not a JSON object", fix="leave out #key to read the whole file"
    )


def make(root: Path, environ: Mapping[str, str]) -> FileSecrets:  # noqa: ARG001
    """Make the provider for one run."""
    return FileSecrets(root)


def problem(address: Address) -> tuple[str, str] | None:
    """What is wrong with the form of an address, and the fix."""
    if address.path.startswith("/"):
        return None
    if not address.path or ".." in address.path.split("/"):
        return "a secret file lies inside the project, or has an absolute path", "write ${secret:file:PATH}"
    return None
