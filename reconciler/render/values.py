"""Values of a plan as text: one line in a compact YAML-like form, or an outline of several lines where one is too long.

A plain word is written as it is and anything that could be mistaken for something else is quoted, so that what a manifest
says can never look like what this tool says: ``"(secret)"`` is a string, ``(secret)`` is a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Unknown
from reconciler.render.escape import cells, shorten, visible

SECRET = "(secret)"  # noqa: S105
NOT_CHECKED = "(secret, not checked here)"
NOT_SET = "(not set)"
KNOWN_LATER = "(known after apply)"
SHA_SHOWN = 12
ITEMS_SHOWN = 40
"""Items of one list or map that an outline shows before it counts the rest."""

MEMOISED = 40
"""Characters up to which a string's spelling is remembered: names and enums come up again and again in a large plan."""
LABEL_SHOWN = 72
"""Columns of a name or a path before it is cut in the middle."""

_PLAIN = re.compile(r"[^\W_](?:[\w ./@+%&?=~:-]*[\w/])?|/[\w./-]*")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off", "~", "inf", "nan"})
_NUMBER_LIKE = re.compile(r"\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|0[xob].*", re.IGNORECASE)
_NAME = re.compile(r"[\w$@-]+")
_ITEM_NAME = re.compile(r"[\w$@./ -]+")


def scalar(text: str) -> str:
    """One string: bare where nothing could be misread, else quoted as JSON does, unprintable characters as escapes."""
    return _short_scalar(text) if len(text) <= MEMOISED else _scalar(text)


def _scalar(text: str) -> str:
    if (
        _PLAIN.fullmatch(text)
        and text.isprintable()
        and text.lower() not in _RESERVED
        and not _NUMBER_LIKE.fullmatch(text)
        and ": " not in text
        and not text.startswith("sha256:")
    ):
        return text
    return visible(json.dumps(text, ensure_ascii=False))


_short_scalar = lru_cache(4096)(_scalar)


def inline(value: Any) -> str:
    """Any value on one line."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(str(key))}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, (Secret, Unknown, Template, Bundle)):
        return _typed(value)
    if value is ABSENT:
        return NOT_SET
    if value is MASKED:
        return SECRET
    if value is None or value is True or value is False:
        return "null" if value is None else "true" if value else "false"
    return visible(json.dumps(value, ensure_ascii=False, default=str))


def is_typed(value: Any) -> bool:
    """Whether a value is shown by a word of this tool: a secret, something known after apply, a code bundle."""
    return value is MASKED or isinstance(value, (Secret, Unknown, Template, Bundle))


def _typed(value: Secret | Unknown | Template | Bundle) -> str:
    if isinstance(value, Secret):
        # Without a value and without a mark of one, its provider was out of reach: apply will look again.
        return SECRET if value.resolved or value.fingerprint else NOT_CHECKED
    if isinstance(value, Unknown):
        return KNOWN_LATER
    if isinstance(value, Bundle):
        return f"sha256:{visible(value.sha256[:SHA_SHOWN])}"
    return f"{visible(json.dumps(str(value), ensure_ascii=False))} {KNOWN_LATER}"


def outline(lead: str, value: Any, room: int, *, full: bool = False, depth: int = 0) -> list[tuple[int, str]]:
    """A value behind its ``lead`` (``columns:``) as lines of (depth, text), each at most ``room`` columns wide.

    What fits on one line stays on one. ``full`` shows every item and every character.
    """
    here = max(room - 2 * depth, 20)
    if not isinstance(value, (dict, list)) or not value:
        flat = inline(value)
        kept = flat if full else shorten(flat, max(here - cells(lead) - 1, 20))
        return [(depth, f"{lead} {kept}" if lead else kept)]
    if _least(value) + len(lead) <= here:
        flat = inline(value)
        if cells(flat) + cells(lead) + 1 <= here:
            return [(depth, f"{lead} {flat}" if lead else flat)]
    lines: list[tuple[int, str]] = [(depth, lead)] if lead else []
    below = depth + 1 if lead else depth
    items = list(value.items()) if isinstance(value, dict) else [(None, item) for item in value]
    shown = items if full else items[:ITEMS_SHOWN]
    for key, item in shown:
        if key is not None:
            name = scalar(str(key))
            lines += outline(f"{name if full else shorten(name, LABEL_SHOWN)}:", item, room, full=full, depth=below)
        else:
            lines += _dashed(item, room, full=full, depth=below)
    if len(items) > len(shown):
        lines.append((below, f"… {len(items) - len(shown)} more"))
    return lines


def _least(value: Any) -> int:
    """Columns that a value takes at the very least on one line, found without writing it."""
    if isinstance(value, dict):
        return sum(4 + len(key) + _least(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(2 + _least(item) for item in value)
    return min(len(value), 24) if isinstance(value, str) else 1


def _dashed(item: Any, room: int, *, full: bool, depth: int) -> list[tuple[int, str]]:
    """One item of a list: ``- `` before its first line, the others below."""
    inner = outline("", item, room, full=full, depth=depth + 1)
    return [(depth, f"- {inner[0][1]}"), *inner[1:]]


def path_label(path: Sequence[str], keyed: int = -1) -> str:
    """A path as people write it, ``mappings[phone].direction``; names that are not plain words are quoted."""
    out = ""
    for index, part in enumerate(path):
        if index == keyed:
            out += f"[{part}]" if _ITEM_NAME.fullmatch(part) else f"[{_quoted(part)}]"
        elif _NAME.fullmatch(part):
            out += f".{part}" if out else part
        else:
            out += f"[{_quoted(part)}]"
    return out


def _quoted(text: str) -> str:
    return visible(json.dumps(text, ensure_ascii=False))


def holds_secret(value: Any) -> bool:
    """Whether a secret stands anywhere in a value."""
    if isinstance(value, dict):
        return any(holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(holds_secret(item) for item in value)
    return isinstance(value, Secret) or value is MASKED


def mask_together(values: Sequence[Any]) -> list[Any]:
    """The sides of one comparison, masked wherever one of them is a secret.

    A field may have held a plain value before it became a secret, or come back unmasked from a tenant: where one side says
    that this is a secret, none of them is shown.
    """
    there = [value for value in values if value is not ABSENT and value is not None]
    if len(there) < 2 or not any(holds_secret(value) for value in there):
        return list(values)
    if any(isinstance(value, Secret) or value is MASKED for value in values):
        return [value if value is ABSENT or value is None else MASKED for value in values]
    if not all(isinstance(value, dict) or value is ABSENT or value is None for value in values):
        return [value if value is ABSENT or value is None or holds_secret(value) else MASKED for value in values]
    masked: list[Any] = [dict(value) if isinstance(value, dict) else value for value in values]
    for name in dict.fromkeys(name for value in values if isinstance(value, dict) for name in value):
        sides = [side for side in masked if isinstance(side, dict) and name in side]
        for side, hidden in zip(sides, mask_together([side[name] for side in sides]), strict=True):
            side[name] = hidden
    return masked
