"""JSON merge patch (RFC 7396): pure, leaves its arguments alone."""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 64
"""Deepest nesting of objects that a patch may have; no resource of the contract comes near it."""


class TooDeepError(ValueError):
    """A patch whose objects are nested deeper than MAX_DEPTH."""


def merge_patch(target: Any, patch: Any, depth: int = 0) -> Any:
    """Apply ``patch`` to ``target`` as RFC 7396 §2 defines it and give the result.

    The result may share parts with both arguments. Raises TooDeepError past MAX_DEPTH.
    """
    if not isinstance(patch, dict):
        return patch
    if depth >= MAX_DEPTH:
        raise TooDeepError(f"objects are nested deeper than {MAX_DEPTH}")
    merged: dict[str, Any] = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value, depth + 1)
    return merged
