"""Secrets inside trees: giving them their fingerprints, and finding out whether there are any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.core.compare import Fingerprint
from reconciler.core.values import Secret, with_leaves

_MAY_HOLD = (dict, list, Secret)


def seal(value: Any, fingerprint: Fingerprint) -> Any:
    """Give every secret its fingerprint; the values go along, and leave with the process.

    What holds no secret is returned as it is, not as a copy.
    """

    def sealed(leaf: Any) -> Any:
        if not isinstance(leaf, Secret):
            return leaf
        return Secret(leaf.reference, leaf.reveal() if leaf.resolved else None, fingerprint(leaf))

    return with_leaves(value, sealed)


def secrets_in(value: object) -> Iterator[Secret]:
    """All secrets of a tree."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, _MAY_HOLD):
                yield from secrets_in(item)


def fingerprint_of(secret: Secret) -> str:
    """The fingerprint that a sealed secret has."""
    return secret.fingerprint


def has_secret(value: object) -> bool:
    """Whether a secret stands anywhere in a tree."""
    if not isinstance(value, (dict, list)):
        return isinstance(value, Secret)
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, _MAY_HOLD) and has_secret(item):
            return True
    return False
