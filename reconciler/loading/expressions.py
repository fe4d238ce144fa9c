"""The syntax of ``${…}``: splits a string into text and expressions, without resolving any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

SCHEMES = ("var", "env", "file", "secret", "ref")

_NEXT = re.compile(r"\$\$\{|\$\{")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"([A-Za-z][A-Za-z0-9]*)/([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.([A-Za-z][A-Za-z0-9]*)")
_SECRET = re.compile(r"([^:\s]+):(.+)")


@dataclass(frozen=True, slots=True)
class Expression:
    """One ``${scheme:body}``; ``text`` is how it was written."""

    scheme: str
    body: str

    @property
    def text(self) -> str:
        """The expression as people write it."""
        return f"${{{self.scheme}:{self.body}}}"

    @property
    def reference(self) -> tuple[str, str, str]:
        """Kind, name and field of a ``ref``."""
        found = _REFERENCE.fullmatch(self.body)
        assert found is not None, "split checks the form"
        return found[1], found[2], found[3]


class MalformedExpression(ValueError):
    """A ``${`` that starts no expression; the message says why, ``fix`` what to write."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str | Expression, ...]:
    """Split a string into literal parts and expressions, with ``$${`` read as a literal ``${``.

    Literal parts are never empty and never neighbours. Raises `MalformedExpression` where a ``${`` starts nothing that is known.
    """
    parts: list[str | Expression] = []
    literal = ""
    position = 0
    while found := _NEXT.search(text, position):
        literal += text[position : found.start()]
        if found.group() == "$${":
            literal += "${"
            position = found.end()
            continue
        end = text.find("}", found.end())
        if end < 0:
            raise MalformedExpression("an expression is not closed", "close it with }, or write $${ for a literal ${")
        if literal:
            parts.append(literal)
            literal = ""
        parts.append(_parse(text[found.end() : end]))
        position = end + 1
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
    return tuple(parts)


def _parse(inner: str) -> Expression:
    scheme, colon, body = inner.partition(":")
    if not colon or scheme not in SCHEMES:
        raise _unknown(scheme.strip(), body)
    ok = {
        "var": _VARIABLE.fullmatch(body),
        "env": _ENVIRONMENT.fullmatch(body),
        "file": body.strip() == body != "",
        "secret": _SECRET.fullmatch(body),
        "ref": _REFERENCE.fullmatch(body),
    }[scheme]
    if not ok:
        form = {
            "var": "${var:NAME}",
            "env": "${env:NAME}",
            "file": "${file:PATH}",
            "secret": "${secret:PROVIDER:PATH#KEY}",
            "ref": "${ref:Kind/name.field}",
        }[scheme]
        raise MalformedExpression(f"${{{scheme}:…}} is malformed", f"write {form}, or $${{ for a literal ${{")
    return Expression(scheme, body)


def _unknown(scheme: str, body: str) -> MalformedExpression:
    from reconciler.loading.suggest import nearest

    guess = nearest(scheme, SCHEMES) if scheme else ""
    if guess:
        return MalformedExpression(
            f"there is no `{scheme}` expression", f"did you mean `${{{guess}:{body or 'NAME'}}}`?"
        )
    return MalformedExpression(
        "`${` starts no known expression",
        "write ${var:…}, ${env:…}, ${file:…}, ${secret:…} or ${ref:…}, or $${ for a literal ${",
    )
