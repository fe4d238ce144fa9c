"""The stream's WebSocket, and the controls that publish to it and close it (contract: Operations)."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from reconciler.emulator.courier import Courier
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import ApiError, Problem, conflict, invalid, not_found
from reconciler.emulator.fields import Doc, Integer, ListOf, Member, Record, Text, optional
from reconciler.emulator.http import error_response, json_response, methods, read_object
from reconciler.emulator.streams import FAILED, KIND, Closing, Connection, is_active
from reconciler.emulator.wire import WIRE, WireBrokenError

PATH = "/data-actions/v1/stream/{id}"
BROKEN_OFF = 1006
"""The code that stands for a connection that ended without a close frame (RFC 6455 §7.1.5)."""

_CLOSE_CODES = frozenset((*range(1000, 1004), *range(1006, 1015), *range(3000, 5000)))


class _Events:
    """A list of any JSON values: what a client makes of a wrong one is for the client to show."""

    def accept(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(path, "must be an array"))
        return value

    def schema(self) -> Doc:
        return {"type": "array"}


_PUBLISH = Record({"events": Member(_Events(), default=list), "texts": Member(ListOf(Text()), default=list)})
_CLOSE = Record({"code": Member(Integer(1000, 4999), required=True), "reason": optional(Text(0, 100), "")})


def routes(_emulator: Emulator) -> list[BaseRoute]:
    """Give the stream, its controls, and the refusal of any other WebSocket."""
    return [
        WebSocketRoute(PATH, _stream),
        WebSocketRoute("/{path:path}", _nothing_here),
        methods(PATH, {"GET": _no_upgrade}),
        methods("/_emulator/streams/{id}", {"GET": _show}),
        methods("/_emulator/streams/{id}/events", {"POST": _publish}),
        methods("/_emulator/streams/{id}/close", {"POST": _close}),
    ]


async def _stream(websocket: WebSocket) -> None:
    """Deliver a stream's events for as long as the client stays and the server lets it."""
    emulator: Emulator = websocket.app.state.emulator
    try:
        connection = _admit(emulator, websocket)
    except ApiError as refusal:
        await _deny(websocket, refusal)
        return
    try:
        await websocket.accept()
        await _converse(websocket, Courier(emulator.streams, connection, websocket.scope["extensions"][WIRE]))
    finally:
        emulator.streams.disconnect(connection)


def _admit(emulator: Emulator, websocket: WebSocket) -> Connection:
    """Check the handshake; raises what it is refused with: 401, 403, 404, 409."""
    emulator.store.refresh()
    kind = emulator.kinds[KIND]
    grant = emulator.tokens.check(websocket.headers.get("authorization"), kind.read_scopes)
    websocket.state.client_id = grant.client_id
    row = emulator.resources.find(kind, websocket.path_params["id"])
    if not is_active(row):
        raise conflict("INVALID_TRANSITION", f"stream {row.id} is paused", [Problem("status", "is PAUSED")])
    return emulator.streams.connect(row.id, grant.client_id, grant.expires)


async def _deny(websocket: WebSocket, refusal: ApiError) -> None:
    await websocket.receive()
    await websocket.send_denial_response(error_response(refusal, websocket.state.request_id))


async def _nothing_here(websocket: WebSocket) -> None:
    await _deny(websocket, not_found(websocket.scope["path"]))


async def _converse(websocket: WebSocket, courier: Courier) -> None:
    """Send events until the server wants to close or the client has gone, whichever is first."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_listen, websocket, tasks.cancel_scope)
        try:
            closing = await courier.run()
        except WireBrokenError:
            closing = None
        except Exception:
            with suppress(WebSocketDisconnect):
                await websocket.close(FAILED.code, FAILED.reason)
            raise
        # Who is told to go may be back before the farewell is over, and must then be known for the one who left.
        courier.leave()
        if closing is not None and closing.code == BROKEN_OFF:
            courier.wire.break_off()
        elif closing is not None:
            with suppress(WebSocketDisconnect):
                await websocket.close(closing.code, closing.reason)
        tasks.cancel_scope.cancel()


async def _listen(websocket: WebSocket, scope: anyio.CancelScope) -> None:
    """Pass over whatever the client says, as there is nothing for it to say, until it has gone."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


async def _no_upgrade(_request: Request) -> Response:
    if importlib.util.find_spec("websockets") is None:
        text = "streams need the websockets library: pip install 'reconciler[sink]'"
        raise ApiError(HTTPStatus.NOT_IMPLEMENTED, "WEBSOCKETS_UNAVAILABLE", text)
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    raise ApiError(HTTPStatus.UPGRADE_REQUIRED, "UPGRADE_REQUIRED", "a stream is read over a WebSocket", (), headers)


def _stream_id(request: Request) -> str:
    emulator = emulator_of(request)
    return emulator.resources.find(emulator.kinds[KIND], request.path_params["id"]).id


async def _show(request: Request) -> Response:
    stream = _stream_id(request)
    streams = emulator_of(request).streams
    connections = [connection.as_json() for connection in streams.connections(stream)]
    return json_response({"events": streams.log.last(stream), "connections": connections})


async def _publish(request: Request) -> Response:
    """Add events to the stream; ``texts`` are sent as they are, for what no JSON can say."""
    stream = _stream_id(request)
    problems: list[Problem] = []
    body = _PUBLISH.accept(await read_object(request), "", problems)
    if problems:
        raise invalid(problems)
    texts = [*map(orjson.dumps, body["events"]), *(text.encode("utf-8", "replace") for text in body["texts"])]
    published = emulator_of(request).streams.publish(stream, texts)
    return json_response({"published": len(texts), "first": published.first, "last": published.last})


async def _close(request: Request) -> Response:
    """Close a stream's connections; 1006 breaks them off without a close frame."""
    stream = _stream_id(request)
    problems: list[Problem] = []
    body = _CLOSE.accept(await read_object(request), "", problems)
    if not problems and body["code"] not in _CLOSE_CODES:
        problems.append(Problem("code", "is not one that a server may close with"))
    if problems:
        raise invalid(problems)
    closed = emulator_of(request).streams.close(stream, Closing(body["code"], body["reason"]))
    return json_response({"closed": closed})
