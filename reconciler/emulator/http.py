"""Reading requests and writing answers: bodies, content types, the common error body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.errors import ApiError, bad_request
from reconciler.emulator.fields import Doc

MAX_BODY_BYTES = 80 * 1024 * 1024
"""Largest request body: a 50 MB archive in base64, and room for the rest."""

MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Handler = Callable[[Request], Awaitable[Response]]


def request_id(request: Request) -> str:
    """Give the id of the request, which the gate has settled."""
    return str(getattr(request.state, "request_id", ""))


def json_response(content: bytes | object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON; bytes are taken as JSON already."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    return Response(body, status, dict(headers or {}), JSON)


def error_response(error: ApiError, id_: str) -> Response:
    """Answer with the common error body."""
    return json_response(error.body(id_), error.status, error.headers)


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Read the whole body; 413 as soon as it is larger than ``limit`` bytes."""
    text = f"this body may have {limit} bytes at most"
    too_large = ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PAYLOAD_TOO_LARGE", text)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise bad_request("", "the body ended early") from error
    return b"".join(chunks)


def media_type(request: Request) -> str:
    """Give the content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_object(body: bytes) -> Doc:
    """Parse a JSON object; anything else is a 400."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request("", f"the body is not valid JSON: {error}", "MALFORMED_JSON") from error
    if not isinstance(value, dict):
        raise bad_request("", "the body must be a JSON object", "INVALID_BODY")
    return value


async def read_object(request: Request, *accepted: str, limit: int = MAX_BODY_BYTES) -> Doc:
    """Read a JSON object of one of the ``accepted`` media types (JSON if none is named); 415, 413 or 400 else."""
    accepted = accepted or (JSON,)
    body = await read_body(request, limit)
    if media_type(request) not in accepted:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            f"the content type must be {' or '.join(accepted)}",
            (),
            {"Accept-Patch" if request.method == "PATCH" else "Accept": ", ".join(accepted)},
        )
    return parse_object(body)


def header(request: Request, name: str) -> str | None:
    """Give a header, several lines of it joined by commas (RFC 9110 §5.3), or None."""
    values = request.headers.getlist(name)
    return ", ".join(values) if values else None


def methods(path: str, handlers: Mapping[str, Handler]) -> Route:
    """Make one route for all methods of a path, so that a 405 names them all in ``Allow``.

    Each request takes in what other processes have written to the state before its handler runs.
    """

    async def endpoint(request: Request) -> Response:
        request.app.state.emulator.store.refresh()
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return Route(path, endpoint, methods=list(handlers))
