"""Secrets inside trees: giving them their fingerprints, and finding out whether there are any."""

from __future__ import annotations

from typing import Any

from reconciler.core.compare import Fingerprint
from reconciler.core.values import Secret


def seal(value: Any, fingerprint: Fingerprint) -> Any:
    """Give every secret its fingerprint; the values go along, and leave with the process.

    What holds no secret is returned as it is, not as a copy.
    """
    if isinstance(value, Secret):
        return Secret(value.reference, value.reveal() if value.resolved else None, fingerprint(value))
    if isinstance(value, dict):
        sealed = {
            name: seal(item, fingerprint) for name, item in value.items() if isinstance(item, (dict, list, Secret))
        }
        return value if all(value[name] is item for name, item in sealed.items()) else {**value, **sealed}
    if isinstance(value, list):
        items = [seal(item, fingerprint) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


def has_secret(value: object) -> bool:
    """Whether a secret stands anywhere in a tree."""
    if isinstance(value, dict):
        return any(has_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(has_secret(item) for item in value)
    return isinstance(value, Secret)
