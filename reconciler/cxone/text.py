"""Making a server's texts fit to be shown: no control characters, no credentials, no novels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

MAX_CHARACTERS = 300

Redact = Callable[[str], str]
"""Removes what must not be shown from a text."""


def escape(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Escape whatever a terminal could obey or hide (control, bidirectional and private characters) and shorten to ``limit``."""
    shortened = text if len(text) <= limit else text[: limit - 1] + "…"
    if shortened.isprintable():
        return shortened
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in shortened
    )


def without(values: Iterable[str]) -> Redact:
    """Make a function that replaces each of ``values`` by ``(secret)``; those under 4 characters would hit ordinary words.

    A server that repeats what it was sent repeats it as it was written: each value is found as JSON, form and Basic
    credentials write it, too.
    """
    wanted = sorted({form for value in values if len(value) >= 4 for form in _written(value)}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in wanted:
            text = text.replace(value, "(secret)")
        return text

    return redact


def _written(value: str) -> set[str]:
    """A value as it stands in texts of several kinds: as it is, in JSON (ASCII or not), in Python, in URLs and forms."""
    forms = {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    data = value.encode("utf-8", "surrogatepass")
    return forms | {quote(data), quote(data, safe=""), quote_plus(data)}
