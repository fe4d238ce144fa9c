"""Guesses at what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

_LISTED = 12
_ALIKE = 0.75
_APART = 0.1


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


def surely(word: str, candidates: Iterable[str]) -> str:
    """The one candidate that a misspelt word can be meant for; an empty string where none or several are as alike."""
    from difflib import SequenceMatcher

    judge = SequenceMatcher(b=word[:200].casefold())
    ranked = [(0.0, "")]
    for item in candidates:
        judge.set_seq1(item.casefold())
        ranked.append((judge.ratio(), item))
    (second, _), (first, found) = sorted(ranked)[-2:]
    return found if first >= _ALIKE and first - second >= _APART else ""


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
