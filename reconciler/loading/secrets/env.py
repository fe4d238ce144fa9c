"""Secrets in environment variables: ``env:NAME``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reconciler.loading.secrets.base import Address

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class EnvironmentSecrets:
    """Reads the environment; a variable that is not set is out of reach here, as on a runner without secrets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self, address: Address) -> str | None:
        """The variable's value; an empty one counts as not set, since that is how CI systems pass a missing secret."""
        return self._environ.get(address.path) or None


def make(root: Path, environ: Mapping[str, str]) -> EnvironmentSecrets:  # noqa: ARG001
    """Make the provider for one run."""
    return EnvironmentSecrets(environ)


def problem(address: Address) -> tuple[str, str] | None:
    """What is wrong with the form of an address, and the fix."""
    if address.key or not _NAME.fullmatch(address.path):
        return "an environment secret is named by its variable alone", "write ${secret:env:NAME}"
    return None
