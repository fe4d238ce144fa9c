"""Secrets inside trees: giving them their fingerprints, and finding out whether there are any."""

from __future__ import annotations

from collections.abc import Iterator
from operator import is_
from typing import Any

from reconciler.core.compare import Fingerprint
from reconciler.core.values import Secret

_MAY_HOLD = (dict, list, Secret)


def seal(value: Any, fingerprint: Fingerprint) -> Any:
    """Give every secret its fingerprint; the values go along, and leave with the process.

    What holds no secret is returned as it is, not as a copy.
    """
    if isinstance(value, dict):
        changed = {
            name: new
            for name, item in value.items()
            if isinstance(item, _MAY_HOLD) and (new := seal(item, fingerprint)) is not item
        }
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        items = [seal(item, fingerprint) if isinstance(item, _MAY_HOLD) else item for item in value]
        return value if all(map(is_, items, value)) else items
    if isinstance(value, Secret):
        return Secret(value.reference, value.reveal() if value.resolved else None, fingerprint(value))
    return value


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
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(has_secret(item) for item in value)
    return isinstance(value, Secret)
