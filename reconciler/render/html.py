"""HTML out of parts: the one place where text becomes markup, so that nothing a manifest or a tenant says ever does.

Whatever is a `str` is escaped, wherever it stands; only `Html` is taken as it is, and only this module and the page's own
assets make any of it out of a bare string.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape as _escape
from typing import Final

from reconciler.render.escape import visible

_VOID: Final = frozenset({"br", "hr", "input", "link", "meta"})


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already, and balanced."""

    text: str

    def __bool__(self) -> bool:
        return bool(self.text)


Child = Html | str | int | None | Iterable["Child"]
"""What an element may hold: markup, text (escaped), a number, nothing, or several of them."""

NOTHING: Final = Html("")
NEWLINE: Final = Html("\n")


def escaped(text: str) -> str:
    """A text for a place between tags or inside a quoted attribute; what is not printable shows as an escape."""
    return _escape(visible(text), quote=True)


def join(*children: Child) -> Html:
    """Several parts as one, without anything between them."""
    return Html("".join(map(_markup, children)))


def lines(texts: Iterable[str]) -> Html:
    """Texts for a ``pre``, each on its line."""
    return Html("\n".join(map(escaped, texts)))


def el(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """One element. ``class_`` and ``for_`` stand for Python's own words, ``data_key`` for ``data-key``.

    An attribute that is None or False is left out, one that is True stands without a value.
    """
    opened = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    if name in _VOID:
        return Html(opened)
    return Html(f"{opened}{''.join(map(_markup, children))}</{name}>")


def _markup(child: Child) -> str:
    if isinstance(child, Html):
        return child.text
    if isinstance(child, str):
        return escaped(child)
    if child is None:
        return ""
    if isinstance(child, int):
        return str(child)
    return "".join(map(_markup, child))


def _attribute(name: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'
