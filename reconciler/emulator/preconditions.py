"""Conditional requests (RFC 9110 §13) over a small view of the target: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_ELEMENT = re.compile(
    r"""[ \t]*(?:(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)"|(?P<bare>[^\s",]+))?[ \t]*(?:,|$)"""
)


class Verdict(Enum):
    """What the preconditions of a request say."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not modified"
    MISMATCH = "If-Match does not match"
    MATCH = "If-None-Match matches"
    REQUIRED = "If-Match is missing"


@dataclass(frozen=True, slots=True)
class Tag:
    """One element of ``If-Match`` or ``If-None-Match``; ``quoted`` is false for a bare word."""

    value: str
    weak: bool = False
    quoted: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What the preconditions are held against. ``version`` is set where the kind accepts it for the ETag."""

    exists: bool
    etag: str | None = None
    version: str | None = None


ABSENT = View(exists=False)
"""The view of something that is not there."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The two headers as they came, None where absent; several lines of one header are joined by a comma."""

    if_match: str | None = None
    if_none_match: str | None = None


def parse_tags(header: str) -> tuple[Tag, ...]:
    """Read a list of entity tags. A malformed list gives no tags at all, so that it matches nothing."""
    tags: list[Tag] = []
    position = 0
    while position < len(header):
        element = _ELEMENT.match(header, position)
        if element is None or element.end() == position:
            return ()
        if element["tag"] is not None:
            tags.append(Tag(element["tag"], weak=element["weak"] is not None))
        elif element["bare"] is not None:
            tags.append(Tag(element["bare"], quoted=False))
        position = element.end()
    return tuple(tags)


def _is_any(header: str) -> bool:
    return header.strip() == "*"


def _matches_strongly(header: str, view: View) -> bool:
    """Strong comparison (RFC 9110 §8.8.3.2); where versions count, so do they and bare words (contract: Common rules)."""
    if not view.exists:
        return False
    if _is_any(header):
        return True
    for tag in parse_tags(header):
        if tag.weak:
            continue
        if tag.value == view.etag and (tag.quoted or view.version is not None):
            return True
        if view.version is not None and tag.value == view.version:
            return True
    return False


def _matches_weakly(header: str, view: View) -> bool:
    if not view.exists:
        return False
    if _is_any(header):
        return True
    return any(tag.quoted and tag.value == view.etag for tag in parse_tags(header))


def evaluate(conditions: Conditions, view: View, *, safe: bool, match_required: bool = False) -> Verdict:
    """Judge a request in the order of RFC 9110 §13.2.2: ``If-Match`` first, then ``If-None-Match``.

    ``safe`` says GET or HEAD; ``match_required`` that a missing ``If-Match`` is refused (RFC 6585 §3).
    """
    if conditions.if_match is not None:
        if not _matches_strongly(conditions.if_match, view):
            return Verdict.MISMATCH
    elif match_required:
        return Verdict.REQUIRED
    if conditions.if_none_match is not None and _matches_weakly(conditions.if_none_match, view):
        return Verdict.NOT_MODIFIED if safe else Verdict.MATCH
    return Verdict.PROCEED
