"""Makes up for what libyaml 0.1 does not read: colons and question marks inside plain text in brackets.

``{url: https://host/path?a=b}`` is fine YAML 1.2. Where the parser stumbles over such a character, it is replaced by one
that no text uses, the text is read again, and the values get it back. Since one character stands for one, places stay right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ruamel.yaml.events import ScalarEvent

COLON: Final = "\uf8fe"
QUESTION: Final = "\uf8ff"

_TRIGGERS: Final = ("found unexpected ':'", "did not find expected ','", "did not find expected node content")
_INSIDE: Final = re.compile(r"(?<!\S)[!&*]\S*|(?<=[^\s,\[\]{}\"'])(?::(?=[^\s,\[\]{}])|\?)")
_STAND_INS: Final = str.maketrans({":": COLON, "?": QUESTION})
_BACK: Final = str.maketrans({COLON: ":", QUESTION: "?"})


def maskable(text: str) -> bool:
    """Whether the stand-ins are free to use."""
    return COLON not in text and QUESTION not in text


def masked(text: str, error: Any) -> str | None:
    """The text with stand-ins from the place of an error on; None where the error is of another kind.

    Characters that stand inside of words are replaced everywhere behind the place, since a second error of the same kind
    would mean reading everything again; in quoted or block text that does no harm.
    """
    problem = getattr(error, "problem", None)
    if problem is None or not any(part in problem for part in _TRIGGERS):
        return None
    place = error.problem_mark.index
    if text[place : place + 1] not in (":", "?") or text[place + 1 : place + 2].isspace():
        return None
    rest = _INSIDE.sub(_stand_in, text)
    return text[:place] + text[place].translate(_STAND_INS) + rest[place + 1 :]


def _stand_in(found: re.Match[str]) -> str:
    """The stand-in for one character; tags, anchors and aliases stay as they are."""
    return found.group() if len(found.group()) > 1 else found.group().translate(_STAND_INS)


def unmasked(get: Callable[[], Any]) -> Callable[[], Any]:
    """A source of events whose texts have their own characters back."""

    def get_event() -> Any:
        event = get()
        if event.__class__ is ScalarEvent:
            event.value = event.value.translate(_BACK)
        return event

    return get_event
