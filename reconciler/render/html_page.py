"""The page that every HTML report is: one file that needs no network and asks for none.

Its policy allows the one style sheet and the one script that it carries, each by its hash, and nothing else. Without
scripts it is a plain page on which everything can be read and folded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Final, Literal

from reconciler.render.html import NEWLINE, NOTHING, Child, Html, el, join

Tone = Literal["good", "warn", "bad", "calm"]

KEYS: Final = (
    ("/", "go to the search"),
    ("j", "next entry"),
    ("k", "previous entry"),
    ("Enter", "fold or unfold the entry"),
    ("e", "unfold all"),
    ("c", "fold all"),
    ("t", "light, dark, or as the system has it"),
    ("Esc", "clear the search"),
)
"""The keys that work on every page, and what they do."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number with its word; ``tone`` is its colour."""

    label: str
    count: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. ``about`` is the sentence below its heading; ``tone`` marks what must not be overlooked."""

    id: str
    title: str
    body: Html
    count: int = -1
    about: Child = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """All that a page shows.

    ``verdict`` is the one thing to know, in the colour of ``tone``; ``facts`` are names with values: where it comes from.
    ``sections`` follow in order; entries in them can be filtered by ``actions`` and ``kinds``, each with its number.
    """

    title: str
    subject: str
    verdict: str
    tone: Tone
    lead: Child = None
    tiles: Sequence[Tile] = ()
    facts: Sequence[tuple[str, Child]] = ()
    sections: Sequence[Section] = ()
    actions: Sequence[tuple[str, int]] = ()
    kinds: Sequence[tuple[str, int]] = ()
    stamps: Sequence[tuple[str, str]] = field(default=())


def render_page(page: Document) -> str:
    """The whole page as one text."""
    name = f"{page.title} {page.subject}".strip()
    style, script = asset("page.css"), asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    head = [
        el("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="generator", content="reconciler"),
        *(el("meta", name=f"reconciler-{key}", content=value) for key, value in page.stamps if value),
        el("title", f"{name}: {page.verdict}"),
        Html(f"<style>{style}</style>"),
    ]
    body = [
        el("a", "Skip to the content", href="#content", class_="skip"),
        _banner(page),
        _tools(page),
        el("main", *_split(_section(item) for item in page.sections), id="content", tabindex=-1),
        _footer(page),
        Html(f"<script>{script}</script>"),
    ]
    shown = el("html", NEWLINE, el("head", *_split(head)), NEWLINE, el("body", *_split(body)), NEWLINE, lang="en")
    return f"<!doctype html>\n{shown.text}\n"


@cache
def asset(name: str) -> str:
    """The text of a file in ``assets``."""
    return (resources.files("reconciler.render") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _split(parts: Iterable[Html]) -> Iterable[Html]:
    """Parts on lines of their own, so that a page can be read and compared as text."""
    for part in parts:
        if part:
            yield join(part, NEWLINE)


def _banner(page: Document) -> Html:
    tiles = [
        el(
            "li",
            el("b", tile.count),
            " ",
            el("span", tile.label),
            class_=f"tile {tile.tone}{'' if tile.count else ' zero'}",
        )
        for tile in page.tiles
    ]
    facts = [el("div", el("dt", name), el("dd", value)) for name, value in page.facts if value]
    return el(
        "header",
        el("h1", page.title, " ", el("span", page.subject, class_="subject") if page.subject else None),
        el("p", page.verdict, class_=f"verdict {page.tone}"),
        el("p", page.lead, class_="lead") if page.lead else None,
        el("ul", *tiles, class_="tiles", role="list") if tiles else None,
        el("dl", *facts, class_="facts") if facts else None,
    )


def _tools(page: Document) -> Html:
    """What needs the script: hidden until it runs."""
    links = [
        el(
            "li",
            el("a", item.title, _count(item.count) if item.count >= 0 else None, href=f"#{item.id}"),
        )
        for item in page.sections
    ]
    buttons = el(
        "div",
        el("button", "Unfold all", type="button", id="unfold"),
        el("button", "Fold all", type="button", id="fold"),
        el("button", "Theme: ", el("span", "system", id="theme-name"), type="button", id="theme"),
        class_="buttons",
    )
    has_entries = sum(count for _, count in page.actions) > 1
    return join(
        el("nav", el("ul", *links, role="list"), aria_label="Sections", class_="sections") if len(links) > 1 else None,
        NEWLINE,
        el(
            "div",
            _filters(page) if has_entries else None,
            buttons,
            class_="tools",
            role="search" if has_entries else "region",
            aria_label="View",
            hidden=True,
        ),
    )


def _filters(page: Document) -> Html:
    """Searching among the entries, and narrowing them to an action or a kind."""
    search = el(
        "label", el("span", "Search", class_="spoken"),
        el("input", type="search", id="search", placeholder="Search names, files and values", autocomplete="off", spellcheck="false"),
        class_="search",
    )  # fmt: skip
    return el(
        "div",
        search,
        _choices("action", "Filter by action", page.actions),
        _choices("kind", "Filter by kind", page.kinds),
        el("output", id="shown", aria_live="polite"),
        class_="filters",
    )


def _choices(name: str, label: str, choices: Sequence[tuple[str, int]]) -> Html:
    if len(choices) < 2:
        return NOTHING
    if name == "kind" and len(choices) > 4:
        options = [el("option", f"{value} ({count})", value=value) for value, count in choices]
        return el(
            "label", el("span", label, class_="spoken"), el("select", el("option", "All kinds", value=""), *options, id="kind-choice")
        )  # fmt: skip
    buttons = [
        el(
            "button", value, _count(count),
            type="button", aria_pressed="false", data_filter=name, data_value=value,
        )
        for value, count in choices
    ]  # fmt: skip
    return el("div", *buttons, role="group", aria_label=label, class_="choices")


def _section(item: Section) -> Html:
    heading = el("h2", item.title, _count(item.count) if item.count >= 0 else None, id=f"{item.id}-title")
    return el(
        "section",
        heading,
        el("p", item.about, class_="about") if item.about else None,
        item.body,
        id=item.id,
        class_=item.tone or None,
        aria_labelledby=f"{item.id}-title",
    )


def _count(number: int) -> Html:
    return join(" ", el("span", number, class_="count"))


def _footer(page: Document) -> Html:
    keys = [el("div", el("dt", el("kbd", key)), el("dd", what)) for key, what in KEYS]
    stamps = [el("div", el("dt", name), el("dd", el("code", value))) for name, value in page.stamps if value]
    switch = el(
        "label", el("input", type="checkbox", id="keys-on", checked=True), " Keys without Ctrl work on this page", class_="switch"
    )  # fmt: skip
    return el(
        "footer",
        el(
            "details",
            el("summary", "Keyboard"),
            el("dl", *keys, class_="keys"),
            switch,
            class_="needs-script",
            hidden=True,
        ),
        el("details", el("summary", "Stamps"), el("dl", *stamps, class_="stamps")) if stamps else None,
        el("p", "Made by reconciler. This page holds no secret, and asks for nothing over the network."),
    )
