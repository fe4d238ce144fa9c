"""Reading resources out of answers: shapes are checked, and what is wrong is said with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.resource import Observed
from reconciler.cxone.message import Answer
from reconciler.cxone.routes import wire_of
from reconciler.cxone.text import Redact, escape

_ETAG = re.compile(r"[\x21\x23-\x7e]+")


class Unusable(Exception):
    """An answer of a good status does not hold what it must; the text says what, and where."""


def strong_etag(text: object) -> str:
    """Read an entity tag, quoted or not (RFC 9110 §8.8.3), unquoted; empty for what allows no safe write.

    That is a weak one, and one beyond ASCII: on its way here and back it would not stay what it is.
    """
    if not isinstance(text, str):
        return ""
    bare = text.strip()
    if bare.startswith("W/"):
        return ""
    if len(bare) >= 2 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    return bare if _ETAG.fullmatch(bare) else ""


def read_items(kind: Kind, items: Sequence[Any], first: int) -> list[Observed]:
    """Read the resources of one page, whose items count from ``first``; raises `Unusable`."""
    found: list[Observed] = []
    append = found.append
    name = kind.name
    for item in items:
        if type(item) is not dict:
            raise Unusable(f"item {first + len(found)} is no object")
        # Nearly every id is a text: a call for each of thousands is worth avoiding.
        id_ = item.get("id")
        if type(id_) is not str or not id_:
            id_ = _id(item, f"item {first + len(found)}")
        if type(item.get("name", "")) is not str:
            raise Unusable(f"item {first + len(found)} has a name that is no text")
        append(Observed(name, id_, item, strong_etag(item.get("etag"))))
    return found


def read_resource(kind: Kind, answer: Answer, redact: Redact, *, id_: str | None = None) -> Observed:
    """Read a single resource; ``id_`` is the one that was asked for. Raises `Unusable`."""
    body = answer.value
    envelope = wire_of(kind).envelope
    if envelope and isinstance(body, dict) and isinstance(body.get(envelope), dict):
        body = body[envelope]
    if not isinstance(body, dict):
        raise Unusable("it holds no resource, but something else than an object")
    if "id" not in body:
        raise Unusable(error_inside(body, redact) or "the resource has no id")
    found = _id(body, "the resource")
    if id_ is not None and found != id_:
        raise Unusable(f"it holds another resource, {escape(found, 80)}")
    etag = strong_etag(answer.headers.get("etag")) or (
        "" if "etag" in answer.headers else strong_etag(body.get("etag"))
    )
    return Observed(kind.name, found, body, etag)


def error_inside(body: dict[str, Any], redact: Redact) -> str:
    """Recognise an error that came with a status of success; empty where there is none."""
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        first = errors[0].get("message", "") if isinstance(errors[0], dict) else errors[0]
        return f"it holds {len(errors)} error(s) in spite of its status: {escape(redact(str(first)))}"
    if isinstance(body.get("code"), str) and isinstance(body.get("message"), str):
        return f"it is an error in spite of its status: {escape(redact(body['code'] + ': ' + body['message']))}"
    return ""


def _id(item: dict[str, Any], where: str) -> str:
    found = item.get("id")
    if type(found) is str and found:
        return found
    if type(found) is int:
        return str(found)
    raise Unusable(f"{where} has no id")
