"""Guesses at what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

_LISTED = 12


def nearest(word: object, candidates: Iterable[str]) -> str:
    """The candidate most like a word, or an empty string where none is alike; the case of letters hardly counts."""
    from difflib import get_close_matches

    text = str(word)[:200]
    known = sorted(candidates)
    folded = {item.casefold(): item for item in reversed(known)}
    if text.casefold() in folded:
        return folded[text.casefold()]
    found = get_close_matches(text.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def did_you_mean(word: object, candidates: Iterable[str], *, what: str = "") -> str:
    """The sentence for a diagnostic's ``fix``: the nearest candidate, else the list of them where it is short.

    ``what`` names the candidates in that list, such as ``fields``.
    """
    known = sorted(candidates)
    if guess := nearest(word, known):
        return f"did you mean `{guess}`?"
    if what and 0 < len(known) <= _LISTED:
        return f"{what}: {', '.join(known)}"
    return ""
