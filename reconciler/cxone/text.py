"""Making a server's texts fit to be shown: no control characters, no credentials, no novels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

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
    """Make a function that replaces each of ``values`` by ``(secret)``; those under 4 characters would hit ordinary words."""
    wanted = sorted({value for value in values if len(value) >= 4}, key=len, reverse=True)

    def redact(text: str) -> str:
        for value in wanted:
            text = text.replace(value, "(secret)")
        return text

    return redact
