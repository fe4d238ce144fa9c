"""Writes JSON values as YAML for places inside a text that somebody else wrote: briefly, and quoted where plain text could mislead."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from reconciler.loading.yaml_parse import parse_source
from reconciler.loading.yaml_source import Source
from reconciler.loading.yaml_writer import fits_block, quoted

_PLAIN: Final = re.compile(r"[A-Za-z0-9_/(][A-Za-z0-9_/ .()+@%:-]*")
_WORDS: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
"""What YAML 1.1 takes for true or false; editors and other tools may still do so."""


def flow(value: Any) -> str:
    """A value on one line, collections in brackets."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar_like(value, "")


def scalar_like(value: Any, old: str) -> str:
    """A single value, in the quotes of the text that it replaces where it had some."""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    text = value.replace("${", "$${")
    if old.startswith("'") and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if not old.startswith('"') and _means(text, text):
        return text
    return quoted(text)


def block_like(text: str, old: str) -> str:
    """A text in place of a block of lines, which began with ``|`` or ``>``: lines again where it has several, and with its comment."""
    head, _, body = old.partition("\n")
    style, mark, comment = head.partition("#")
    remark = f" #{comment}" if mark else ""
    first = next((row for row in body.split("\n") if row.strip()), "")
    indent = first[: len(first) - len(first.lstrip(" "))]
    lines = text.replace("${", "$${")
    if style.strip() not in ("|", "|-", "|+", ">", ">-", ">+") or not indent or not fits_block(lines):
        return flow(text) + remark
    rows = [f"{indent}{row}" if row else "" for row in lines.removesuffix("\n").split("\n")]
    return "\n".join([("|" if lines.endswith("\n") else "|-") + remark, *rows])


def _means(plain: str, text: str) -> bool:
    """Whether plain text reads as exactly this string, also inside brackets."""
    if not _PLAIN.fullmatch(plain) or plain != plain.strip() or plain.lower() in _WORDS:
        return False
    documents, diagnostics = parse_source(Source("", f"[{plain}, x]\n"))
    return not diagnostics and len(documents) == 1 and documents[0].value == [text, "x"]


def block_lines(part: str | int, value: Any, *, dense: bool) -> list[str]:
    """An entry of a block map (``part`` is its key) or of a block list, as lines without indentation.

    ``dense`` puts the value on the entry's own line; else a collection gets lines of its own.
    """
    head = "-" if isinstance(part, int) else f"{flow(part)}:"
    if dense or not isinstance(value, dict) or not value:
        return [f"{head} {flow(value)}"]
    rows = [row for key, item in value.items() for row in block_lines(str(key), item, dense=not isinstance(item, dict))]
    if isinstance(part, int):
        return [f"- {rows[0]}", *(f"  {row}" for row in rows[1:])]
    return [head, *(f"  {row}" for row in rows)]
