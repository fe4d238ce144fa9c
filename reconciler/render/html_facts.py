"""What HTML reports say of where a plan comes from, and how they count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from reconciler.core.plan import Header, Plan
from reconciler.core.planfile import plan_to_json
from reconciler.render.html import Child, Html, el, escaped
from reconciler.render.html_parts import code

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def header_facts(header: Header) -> list[tuple[str, Child]]:
    """Where a plan belongs and how long it is good for."""
    return [
        ("Tenant", code(header.url) if header.url else None),
        ("Project", header.stack),
        ("Commit", code(header.commit[:12]) if header.commit else None),
        ("Made", time(header.created)),
        ("Good until", time(header.expires)),
    ]


def plan_stamps(plan: Plan) -> list[tuple[str, str]]:
    """What a plan is known by, for the foot of the page and for programs."""
    data = plan_to_json(plan)
    return [
        ("target", plan.header.target),
        ("project", plan.header.stack),
        ("commit", plan.header.commit),
        ("plan-digest", data["planDigest"]),
        ("change-digest", data["changeDigest"]),
    ]


def time(text: str) -> Html:
    """A point in time (RFC 3339) as people read it; nothing where there is none."""
    if not _STAMP.fullmatch(text):
        return Html(escaped(text))
    return el("time", f"{text[:10]} {text[11:16]} UTC", datetime=text)


def tally(words: Iterable[str]) -> list[tuple[str, int]]:
    """How often each word comes, in the order of words: the choices of a filter."""
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return sorted(found.items())


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
