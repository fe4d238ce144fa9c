"""What every request passes first: its id, the log, latency, the rate limit and the faults that a test asked for."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus

import anyio
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.emulator.clock import timestamp
from reconciler.emulator.connection import MALFORMED, arrival, drop_connection, send_cut_off
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import ApiError
from reconciler.emulator.faults import Effect
from reconciler.emulator.handshake import admit_handshake
from reconciler.emulator.http import error_response
from reconciler.emulator.request_log import Entry

CONTROLS = "/_emulator/"
"""Paths below this one are the emulator's own: no token, limit, latency, fault or log."""


class Recorder:
    """Takes an answer instead of a connection, so that it can be spoilt."""

    def __init__(self) -> None:
        self.start: Message = {}
        self._chunks: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Take one ASGI message."""
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self._chunks.append(message.get("body", b""))

    @property
    def body(self) -> bytes:
        """The whole body of the answer."""
        return b"".join(self._chunks)


def _settle_request_id(request: HTTPConnection) -> str:
    """Take the id that came, unless it could not stand in a header again; make one where none came."""
    given = request.headers.get("x-request-id", "").strip()
    if given and len(given) <= 128 and given.isascii() and given.isprintable():
        return given
    return secrets.token_hex(16)


class Gate:
    """ASGI middleware around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "websocket":
            await admit_handshake(self._app, _settle_request_id(HTTPConnection(scope)), scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        id_ = _settle_request_id(request)
        request.state.request_id = id_

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", id_.encode())]
            await send(message)

        if scope["path"].startswith(CONTROLS):
            await self._app(scope, receive, send_with_id)
            return
        emulator = emulator_of(request)
        query = scope["query_string"].decode("latin-1")
        entry = emulator.log.open(request.method, scope["path"], query, id_, timestamp(emulator.clock.now()))

        begun = anyio.current_time()

        async def send_logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                # As a client measures it: from the request to the answer, what was done in between included.
                if emulator.settings.latency_seconds:
                    await anyio.sleep_until(arrival(scope, begun) + emulator.settings.latency_seconds)
                entry.status = message["status"]
                entry.client_id = getattr(request.state, "client_id", None)
            await send_with_id(message)

        await self._admit(emulator, entry, scope, receive, send_logged)

    async def _admit(self, emulator: Emulator, entry: Entry, scope: Scope, receive: Receive, send: Send) -> None:
        wait = emulator.limit.wait(time.monotonic()) if emulator.limit is not None else 0
        if wait:
            text = f"more than {emulator.settings.rate_limit:g} requests a second"
            error = ApiError(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", text, headers={"Retry-After": str(wait)})
            await error_response(error, entry.request_id)(scope, receive, send)
            return
        effect = emulator.faults.take(entry.method, entry.path)
        if effect is None:
            await self._app(scope, receive, send)
        else:
            await self._spoil(effect, entry, scope, receive, send)

    async def _spoil(self, effect: Effect, entry: Entry, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["fail_sync"] = effect.fail_sync
        if effect.delay_seconds:
            await anyio.sleep(effect.delay_seconds)
        if effect.status is not None:
            error = ApiError(effect.status, "INJECTED_FAULT", "a fault was asked for", headers=effect.headers)
            await error_response(error, entry.request_id)(scope, receive, send)
        elif effect.drop == "before":
            await drop_connection(scope, receive)
        elif effect.drop == "after" or effect.truncate or effect.malformed:
            recorder = Recorder()
            await self._app(scope, receive, recorder)
            entry.client_id = scope["state"].get("client_id")
            if effect.drop == "after":
                await drop_connection(scope, receive)
            elif effect.truncate:
                await send_cut_off(scope, receive, send, recorder.start, recorder.body)
            else:
                await _send_malformed(send, recorder.start)
        else:
            await self._app(scope, receive, send)


async def _send_malformed(send: Send, start: Message) -> None:
    """Answer success with a body that stops being JSON half-way."""
    kept = [
        (name, value) for name, value in start["headers"] if name.lower() not in (b"content-length", b"content-type")
    ]
    length = str(len(MALFORMED)).encode()
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
    await send({"type": "http.response.body", "body": MALFORMED})
