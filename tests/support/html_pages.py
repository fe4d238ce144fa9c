"""Reading HTML reports back: their tags held against what the renderers may write, and what they say of each resource."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "hr", "link"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "script", "body", "a", "header", "h1", "h2", "p", "span", "b", "i", "ul", "ol", "li",
    "dl", "div", "dt", "dd", "nav", "button", "input", "label", "select", "option", "output", "main", "section", "details",
    "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "pre", "code", "mark", "kbd", "footer", "time", "svg",
    "defs", "marker", "path", "g", "rect", "text",
}  # fmt: skip


@dataclass
class Entry:
    """One entry of a list: its key, what happens to it, and the section that it stands in."""

    key: str
    action: str
    section: str
    text: str = ""


@dataclass
class Read(HTMLParser):
    """A page taken apart; anything that the renderers do not write on purpose fails an assertion."""

    open: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    metas: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    tiles: dict[str, int] = field(default_factory=dict)
    policy: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert tag in ALLOWED, tag
        assert len(found) == len(attrs), (tag, attrs)
        assert not any(name.startswith("on") or name in ("style", "src", "srcdoc", "action") for name in found), (
            tag,
            attrs,
        )
        self._note(tag, {name: value or "" for name, value in attrs})
        if tag not in VOID:
            self.open.append(tag)

    def _note(self, tag: str, found: dict[str, str]) -> None:
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            assert found["href"].startswith("#")
            self.links.append(found["href"][1:])
        if tag == "meta" and "name" in found:
            self.metas[found["name"]] = found["content"]
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]
        if tag == "section":
            self.sections.append(found["id"])
        if "data-key" in found:
            self.entries.append(Entry(found["data-key"], found["data-action"], self.sections[-1]))
        if "data-code" in found:
            self.codes.append(found["data-code"])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)
            if self.entries:
                self.entries[-1].text += data

    def of(self, section: str) -> list[Entry]:
        """The entries of one section."""
        return [entry for entry in self.entries if entry.section == section]


def read_page(text: str) -> Read:
    """Take a page apart: balanced, of known tags, every link inside it, and a policy that lets in what it carries alone."""
    page = Read()
    page.feed(text)
    page.close()
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.links) <= set(page.ids)
    for kind, tag in (("style", "style"), ("script", "script")):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none';")
    assert "unsafe" not in page.policy
    for tile in re.findall(r'<li class="tile[^"]*"><b>(\d+)</b> <span>([^<]*)</span></li>', text):
        page.tiles[tile[1]] = int(tile[0])
    return page
