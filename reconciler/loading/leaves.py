"""Typed leaves while a spec is validated: pydantic models know only JSON, so that text stands in for them."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from reconciler.core.values import Secret, Template, Unknown


class _Broken(Enum):
    """The type of `BROKEN`."""

    BROKEN = "broken"


BROKEN: Final = _Broken.BROKEN
"""Stands where an expression could not be resolved, which has been reported; nothing more is said about that place."""

LEAVES = (Secret, Unknown, Template, _Broken)
_STAND_IN = "placeholder"


def stand_ins(value: Any) -> Any:
    """A copy of a tree with text in place of typed leaves; parts without any are shared, and so is the whole."""
    if isinstance(value, dict):
        items = {key: stand_ins(item) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, list):
        copies = [stand_ins(item) for item in value]
        return copies if any(new is not old for new, old in zip(copies, value, strict=True)) else value
    if isinstance(value, Template):
        return "".join(part if isinstance(part, str) else _STAND_IN for part in value.parts)
    return _STAND_IN if isinstance(value, LEAVES) else value


def shielded(leaf: Any, *, type_error: bool) -> bool:
    """Whether a model's complaint about a leaf means nothing: about its type it does, about its text it does not."""
    if leaf is BROKEN:
        return True
    return isinstance(leaf, (Secret, Unknown, Template)) and not type_error
