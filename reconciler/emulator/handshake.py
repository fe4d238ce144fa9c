"""What the handshake of a WebSocket passes first: the same id, log, latency, limit and faults as a request.

Until it is accepted it is an HTTP request, and is refused like one (ASGI's ``websocket.http.response``).
"""

from __future__ import annotations

import time
from asyncio import Transport
from http import HTTPStatus

import anyio
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from reconciler.emulator.clock import timestamp
from reconciler.emulator.connection import EXTENSION, MALFORMED, drop_connection
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.errors import ApiError
from reconciler.emulator.faults import Effect
from reconciler.emulator.http import JSON, error_response


async def admit_handshake(app: ASGIApp, id_: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Let a handshake in, or answer it here. ``id_`` is its request id."""
    socket = WebSocket(scope, receive, send)
    socket.state.request_id = id_
    emulator: Emulator = socket.app.state.emulator
    query = scope["query_string"].decode("latin-1")
    entry = emulator.log.open("GET", scope["path"], query, id_, timestamp(emulator.clock.now()))

    async def send_logged(message: Message) -> None:
        if message["type"] in ("websocket.accept", "websocket.http.response.start"):
            entry.status = message.get("status", HTTPStatus.SWITCHING_PROTOCOLS)
            entry.client_id = getattr(socket.state, "client_id", None)
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", id_.encode())]
        await send(message)

    if emulator.settings.latency_seconds:
        await anyio.sleep(emulator.settings.latency_seconds)
    refusal = _limited(emulator)
    effect = emulator.faults.take("GET", entry.path) if refusal is None else None
    if effect is not None and effect.delay_seconds:
        await anyio.sleep(effect.delay_seconds)
    if effect is not None and effect.status is not None:
        refusal = ApiError(effect.status, "INJECTED_FAULT", "a fault was asked for", headers=effect.headers)
    if refusal is not None:
        await receive()
        await error_response(refusal, entry.request_id)(scope, receive, send_logged)
    elif effect is not None and _breaks(effect):
        await _break(effect, scope, receive, send_logged)
    else:
        await app(scope, receive, send_logged)


def _limited(emulator: Emulator) -> ApiError | None:
    wait = emulator.limit.wait(time.monotonic()) if emulator.limit is not None else 0
    if not wait:
        return None
    text = f"more than {emulator.settings.rate_limit:g} requests a second"
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", text, headers={"Retry-After": str(wait)})


def _breaks(effect: Effect) -> bool:
    return effect.drop is not None or effect.truncate or effect.malformed


async def _break(effect: Effect, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what is no handshake, or not at all; a handshake writes nothing, so both kinds of drop are one."""
    if effect.malformed:
        await Response(MALFORMED, media_type=JSON)(scope, receive, send)
        return
    if effect.truncate:
        transport: Transport = scope["extensions"][EXTENSION]
        transport.write(b"HTTP/1.1 101 Switch")
    await drop_connection(scope, receive, flush=effect.truncate)
