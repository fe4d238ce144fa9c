"""Two values beside each other, line by line, with what differs marked: what an HTML report and its readers compare.

Lines that both sides share are left out where there are many, and counted. Nothing here knows of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from reconciler.core.compare import FieldChange
from reconciler.core.values import ABSENT, MASKED, Secret
from reconciler.render.escape import shorten_together, visible
from reconciler.render.rows import SECRET_NOTES
from reconciler.render.values import NOT_SET, SECRET, inline, is_typed, mask_together, outline

WIDTH: Final = 56
"""Characters up to which a list or a map stays on one line."""
LINE_LIMIT: Final = 4000
"""Characters of one line before it is cut in the middle."""
COMPARED: Final = 400
"""Lines of one value up to which two are held against each other; the time grows with their product."""
CONTEXT: Final = 2
"""Shared lines that stay on either side of what differs."""
_SHARED_LEAST: Final = 0.3
_WORD: Final = re.compile(r"\w+|\W")


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one line; ``changed`` where the other side has something else there."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a value. A ``remark`` is this tool's word (``(secret)``, ``(not set)``, lines left out), not the value's."""

    runs: tuple[Run, ...]
    changed: bool = False
    remark: bool = False


Lines = tuple[Line, ...]


def pair_of(item: FieldChange) -> tuple[Lines, Lines]:
    """What is live and what is wanted of one field; a secret on either side hides both."""
    live, desired = mask_together((item.live, item.desired, item.base))[:2]
    if item.secret or isinstance(item.desired, Secret):
        known = SECRET_NOTES.get(item.secret) or inline(item.desired if isinstance(item.desired, Secret) else MASKED)
        before = _remark(NOT_SET) if item.live is ABSENT else _remark(SECRET)
        return before, _remark(known)
    if item.status == "released":
        return value_lines(live), _remark("(left as it is)")
    if live is ABSENT or desired is ABSENT:
        return value_lines(live), value_lines(desired)
    return _compared(_spelt(live), _spelt(desired), (_is_remark(live), _is_remark(desired)))


def value_lines(value: Any) -> Lines:
    """One value by itself."""
    return tuple(Line((Run(text),), remark=_is_remark(value)) for text in _bounded(_spelt(value)))


def _bounded(texts: Sequence[str]) -> list[str]:
    """Lines of which none is beyond all measure."""
    return [shorten_together([text], LINE_LIMIT)[0] for text in texts]


def _remark(text: str) -> Lines:
    return (Line((Run(text),), remark=True),)


def _is_remark(value: Any) -> bool:
    return value is ABSENT or is_typed(value)


def _spelt(value: Any) -> list[str]:
    """A value as lines: an outline, or, for a text of several lines, those lines below a bar as YAML writes them."""
    if isinstance(value, str) and "\n" in value.strip("\n"):
        body = value.removesuffix("\n")
        return ["|" if value.endswith("\n") else "|-", *(f"  {visible(line)}".rstrip() for line in body.split("\n"))]
    return [f"{'  ' * depth}{text}" for depth, text in outline("", value, WIDTH, full=True)]


def _compared(before: list[str], after: list[str], remarks: tuple[bool, bool]) -> tuple[Lines, Lines]:
    if any(remarks) or max(len(before), len(after)) > COMPARED:
        sides = zip((before, after), remarks, strict=True)
        left, right = (tuple(_plain(text, remark=remark) for text in _bounded(side)) for side, remark in sides)
        return left, right
    old: list[Line] = []
    new: list[Line] = []
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for index, (tag, first, last, start, end) in enumerate(steps):
        gone, come = before[first:last], after[start:end]
        if tag == "equal":
            shared = tuple(_shared(gone, at_start=index == 0, at_end=index == len(steps) - 1))
            old += shared
            new += shared
        elif len(gone) == len(come):
            pairs = [_runs(one, other) for one, other in zip(gone, come, strict=True)]
            old += [Line(runs, changed=True) for runs, _ in pairs]
            new += [Line(runs, changed=True) for _, runs in pairs]
        else:
            old += [_plain(text, changed=True) for text in _bounded(gone)]
            new += [_plain(text, changed=True) for text in _bounded(come)]
    return tuple(old), tuple(new)


def _plain(text: str, *, changed: bool = False, remark: bool = False) -> Line:
    return Line((Run(text),), changed, remark)


def _shared(texts: Sequence[str], *, at_start: bool, at_end: bool) -> Iterator[Line]:
    """Lines that are on both sides: those next to a difference, and the number of the others."""
    head = 0 if at_start else CONTEXT
    tail = 0 if at_end else CONTEXT
    left_out = len(texts) - head - tail
    if left_out <= 1:
        yield from (_plain(text) for text in _bounded(texts))
        return
    yield from (_plain(text) for text in _bounded(texts[:head]))
    yield _plain(f"… {left_out} lines the same", remark=True)
    yield from (_plain(text) for text in _bounded(texts[len(texts) - tail :]))


def _runs(one: str, other: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Two lines in place of each other, word by word: what they share, and what they do not."""
    one, other = shorten_together([one, other], LINE_LIMIT)
    left, right = _WORD.findall(one), _WORD.findall(other)
    if max(len(left), len(right)) > COMPARED:
        return _ends(one, other)
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    shared = sum(len("".join(left[first:last])) for tag, first, last, _, _ in steps if tag == "equal")
    if shared < _SHARED_LEAST * max(len(one), len(other)):
        return (Run(one),), (Run(other),)
    old = (Run("".join(left[first:last]), changed=tag != "equal") for tag, first, last, _, _ in steps)
    new = (Run("".join(right[start:end]), changed=tag != "equal") for tag, _, _, start, end in steps)
    return tuple(run for run in old if run.text), tuple(run for run in new if run.text)


def _ends(one: str, other: str) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Two long lines: what they share at either end, and between it what they do not."""
    front = _common(one, other)
    back = _common(one[front:][::-1], other[front:][::-1])
    return _cut(one, front, back), _cut(other, front, back)


def _cut(text: str, front: int, back: int) -> tuple[Run, ...]:
    end = len(text) - back
    parts = (Run(text[:front]), Run(text[front:end], changed=True), Run(text[end:]))
    return tuple(part for part in parts if part.text)


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
