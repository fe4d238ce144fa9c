"""What every operation of the OpenAPI description is made of: parameters, bodies, answers and errors. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON
from reconciler.emulator.idempotency import MAX_KEY_LENGTH

_REASONS = {
    400: "malformed, or against the schema",
    401: "no valid token",
    403: "the token lacks the scope that details name",
    404: "no such resource",
    409: "in conflict with the present state",
    412: "a precondition failed",
    413: "the body is too large",
    415: "the content type is not accepted",
    422: "well-formed, but it can't be meant",
    428: "If-Match is required",
    429: "too many requests; see Retry-After",
    501: "this machine has no Node.js",
    504: "the action did not answer in time",
}

REQUEST_ID: Doc = {"X-Request-Id": {"schema": {"type": "string"}, "required": True}}
"""The header that every answer has."""


def parameter(name: str, where: str, schema: Doc, *, required: bool = False, description: str = "") -> Doc:
    """Give a parameter in the path, the query or a header."""
    found: Doc = {"name": name, "in": where, "schema": schema, "required": required}
    return found | ({"description": description} if description else {})


_KEY: Doc = {"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_KEY_LENGTH}
ID = parameter("id", "path", {"type": "string", "pattern": "^[a-z0-9]{1,32}$"}, required=True)
IDEMPOTENCY = parameter("Idempotency-Key", "header", _KEY, description="makes repeating safe for 24 h")


def security(any_of: Iterable[str]) -> list[Doc]:
    """Say that any one of some scopes is needed."""
    return [{"oauth2": [scope]} for scope in sorted(any_of)]


def closed(properties: Doc) -> Doc:
    """Give the schema of an object with exactly these members."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def request_body(schema: Doc, *media_types: str) -> Doc:
    """Give a body that is needed, as JSON unless other media types are named."""
    return {"required": True, "content": {media_type: {"schema": schema} for media_type in media_types or (JSON,)}}


def success(description: str, schema: Doc, *, located: bool = False, headers: Doc | None = None) -> Doc:
    """Give an answer with a body; ``located`` has a Location, ``headers`` are those that it has besides."""
    every: Doc = REQUEST_ID | (headers or {})
    if located:
        every["Location"] = {"schema": {"type": "string"}, "required": True}
    return {"description": description, "headers": every, "content": {JSON: {"schema": schema}}}


def errors(*statuses: int) -> Doc:
    """Give the answers for error statuses, 429 among them."""
    answers: Doc = {}
    for status in sorted({*statuses, 429}):
        headers: Doc = dict(REQUEST_ID)
        if status == 429:
            headers["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}, "required": True}
        content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
        answers[str(status)] = {"description": _REASONS[status], "headers": headers, "content": content}
    return answers
