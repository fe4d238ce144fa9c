"""Typed leaves while a spec is validated: pydantic models know only JSON, so that text stands in for them."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from reconciler.core.diagnostic import PathParts
from reconciler.core.values import Secret, Template, Unknown, with_changed


class _Broken(Enum):
    """The type of `BROKEN`."""

    BROKEN = "broken"


BROKEN: Final = _Broken.BROKEN
"""Stands where an expression could not be resolved, which has been reported; nothing more is said about that place."""


class Unread(str):
    """What depends on a variable of the environment that was not read: the text of the manifest itself, ``${env:NAME}``."""

    __slots__ = ()


LEAVES = (Secret, Unknown, Template, Unread, _Broken)


class StandIn(str):
    """Text that a model sees in place of a typed leaf."""

    __slots__ = ()


_STAND_IN = StandIn("placeholder")


def stand_ins(value: Any) -> Any:
    """A copy of a tree with text in place of typed leaves; parts without any are shared, and so is the whole."""
    if isinstance(value, Template):
        return StandIn("".join(part if isinstance(part, str) else _STAND_IN for part in value.parts))
    if isinstance(value, LEAVES):
        return _STAND_IN
    return with_changed(value, stand_ins) if isinstance(value, (dict, list)) else value


def shielded(leaf: Any, *, type_error: bool) -> bool:
    """Whether a model's complaint about a leaf means nothing: about its type it does, about its text it does not."""
    if leaf is BROKEN or isinstance(leaf, Unread):
        return True
    return isinstance(leaf, (Secret, Unknown, Template)) and not type_error


def stood_in(value: Any, path: PathParts) -> bool:
    """Whether a model saw a stand-in at a path, so that what a kind's check says of its text means nothing."""
    for part in path:
        if isinstance(value, LEAVES):
            break
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(value, LEAVES)
