"""Writes manifests as YAML text in the canonical layout, directly: what comes out is what ``fmt`` would leave as it is.

A tree is plain JSON. Text is written so that YAML 1.1 and 1.2 read it alike: what any of them could take for something else is
quoted. Small maps and lists inside collections stand in brackets on one line, everything else has lines of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

WIDTH: Final = 120
"""Columns up to which a list or map may stand in brackets on one line."""

Notes = Mapping[str, Any]
"""Comments by key: a text stands above the key's line, a mapping is about the keys inside; the two are told apart by type.
The empty key is the comment above the map itself."""

_FLAT_FROM: Final = 2
"""Maps that belong to a key above this depth (that of ``spec`` is 0) keep lines of their own: they are what people edit."""

_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_PLAIN: Final = re.compile(
    r"[^\W\d_][\w ./@+()';!?&=%$~,-]*(?:(?::|\$\{)[\w./@+();!?&=%$~,}-]+[\w ./@+()';!?&=%$~,-]*)*"
)
_FLAT_PLAIN: Final = re.compile(r"[^\W\d_][\w ./@+()';!?&=%~-]*")
_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_EXPRESSION: Final = re.compile(r"\$\{[A-Za-z][\w:./#-]*\}")
_SPECIAL: Final = re.compile(
    '["\\\\\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u2028-\\u2029\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ufffe\\uffff\\ud800-\\udfff]'
)
_NO_BLOCK: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u2028-\\u2029\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufeff\\ufffe\\uffff\\ud800-\\udfff]"
    r"|\A[ \t\n]|\n[ \t]*\t|[ \t](?:\n|\Z)|\n\n\Z"
)
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write_document(tree: Mapping[str, Any], notes: Notes | None = None) -> str:
    """One document in block style, ending with a newline.

    ``tree`` holds str, int, float, bool, None, list and dict with str keys; raises `TypeError` for anything else and
    `RecursionError` for what is nested deeper than Python can follow.
    """
    lines: list[str] = []
    _map(lines, tree, "", 0, notes)
    return "\n".join(lines) + "\n"


def _map(lines: list[str], tree: Mapping[str, Any], indent: str, depth: int, notes: Notes | None) -> None:
    for key, value in tree.items():
        inner: Any = None
        if notes is not None and (inner := notes.get(key)) is not None:
            above = inner if type(inner) is str else inner.get("", "")
            lines += [f"{indent}# {line}".rstrip() for line in above.split("\n")] if above else []
            inner = None if type(inner) is str else inner
        head = f"{indent}{_key(key)}:"
        kind = type(value)
        if kind is str:
            _text(lines, head, value, indent)
        elif kind is dict:
            if not value:
                lines.append(f"{head} {{}}")
            elif depth < _FLAT_FROM or inner is not None or not _flat(lines, head, value):
                lines.append(head)
                _map(lines, value, indent + "  ", depth + 1, inner)
        elif kind is list:
            if not _flat(lines, head, value):
                lines.append(head)
                _list(lines, value, indent + "  ", depth + 1)
        else:
            lines.append(f"{head} {_scalar(value)}")


def _list(lines: list[str], items: list[Any], indent: str, depth: int) -> None:
    head = f"{indent}-"
    for item in items:
        kind = type(item)
        if kind is str:
            _text(lines, head, item, indent)
        elif kind is dict or kind is list:
            if not _flat(lines, head, item):
                begin = len(lines)
                if kind is dict:
                    _map(lines, item, indent + "  ", _FLAT_FROM, None)
                else:
                    _list(lines, item, indent + "  ", depth + 1)
                lines[begin] = f"{head} {lines[begin].lstrip(' ')}"
        else:
            lines.append(f"{head} {_scalar(item)}")


def _flat(lines: list[str], head: str, value: Any) -> bool:
    """Add a collection in brackets where it holds plain values only and fits; else leave it to the caller."""
    if type(value) is dict:
        parts = []
        for key, item in value.items():
            text = _flat_item(item)
            if not text:
                return False
            parts.append(f"{_key(key)}: {text}")
        line = f"{head} {{{', '.join(parts)}}}"
    else:
        texts = [_flat_item(item) for item in value]
        if not all(texts):
            return False
        line = f"{head} [{', '.join(texts)}]"
    if value and len(line) > WIDTH:
        return False
    lines.append(line)
    return True


def _flat_item(item: Any) -> str:
    """A scalar as it stands inside brackets; empty where it does better on a line of its own."""
    kind = type(item)
    if kind is str:
        return _flat_text(item)
    if kind is dict:
        return "" if item else "{}"
    if kind is list:
        texts = [_flat_item(part) for part in item if type(part) is not list]
        return f"[{', '.join(texts)}]" if len(texts) == len(item) and all(texts) else ""
    return _scalar(item)


@lru_cache(maxsize=16384)
def _key(key: str) -> str:
    if type(key) is not str:
        raise TypeError(f"a key of type {type(key).__name__}")
    return key if _FLAT_PLAIN.fullmatch(key) and _unmistakable(key) else _plain_key(key)


def _plain_key(key: str) -> str:
    body = key.lstrip("_")
    return key if body and body is not key and _FLAT_PLAIN.fullmatch(body) and _unmistakable(key) else quoted(key)


@lru_cache(maxsize=16384)
def _flat_text(text: str) -> str:
    if len(text) > WIDTH or "\n" in text or "${" in text:
        return ""
    return text if _FLAT_PLAIN.fullmatch(text) and _unmistakable(text) else quoted(text)


def _text(lines: list[str], head: str, text: str, indent: str) -> None:
    line = _line(text)
    if line:
        lines.append(f"{head} {line}")
        return
    body = text.removesuffix("\n")
    lines.append(f"{head} |" if body is not text and body != text else f"{head} |-")
    lines += [f"{indent}  {row}" if row else "" for row in body.split("\n")]


@lru_cache(maxsize=16384)
def _line(text: str) -> str:
    """A text on the line of its key; empty where it is better a block of lines."""
    if "\n" in text:
        return "" if fits_block(text) else quoted(text)
    if _PLAIN.fullmatch(text) and _unmistakable(text):
        return text
    return text if _VERSION.fullmatch(text) or _EXPRESSION.fullmatch(text) else quoted(text)


def fits_block(text: str) -> bool:
    """Whether a text has several lines, and all of it can be seen in a block of them."""
    return "\n" in text and not _NO_BLOCK.search(text)


def _unmistakable(text: str) -> bool:
    return text[-1] not in " :" and " #" not in text and text.lower() not in _WORDS


def quoted(text: str) -> str:
    """A text in double quotes; what cannot be seen is written as an escape."""
    return f'"{_SPECIAL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _SHORT.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")


def _scalar(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if type(value) is int or type(value) is float:
        return repr(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
