"""JSON merge patch (RFC 7396)."""

from __future__ import annotations

from typing import Any


def apply_patch(target: Any, patch: Any) -> Any:
    """Return the target with the patch applied (RFC 7396, section 2); neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_patch(result.get(name), value)
    return result
