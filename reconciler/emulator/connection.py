"""What the emulator has of a connection: breaking it under an answer, over a port and in-process, and when a request came.

Over a port, ``reconciler.emulator.server`` puts the connection into the scope's extensions. In-process there is no
connection: ``httpx2.ASGITransport`` lets an exception of the app through to the caller, so the transport error that
a broken connection would give is raised itself.
"""

from __future__ import annotations

from asyncio import Transport
from collections.abc import Callable

from starlette.types import Message, Receive, Scope, Send

EXTENSION = "reconciler.emulator.connection"
"""Key in ``scope["extensions"]`` under which the server hands over its ``asyncio.Transport``."""

ARRIVED = "reconciler.emulator.arrived"
"""Key in ``scope["extensions"]`` under which the server tells when the last bytes came on the connection: a function that gives the
loop's clock, in seconds."""

MALFORMED = b'{"items": [{"id": "c0", "name": '
"""A body that stops being JSON half-way."""

_WITHOUT_BODY = (204, 304)


def _connection(scope: Scope) -> Transport | None:
    transport: Transport | None = scope.get("extensions", {}).get(EXTENSION)
    return transport


def arrival(scope: Scope, begun: float) -> float:
    """When all of a request had come, by the loop's clock (seconds); ``begun``, where it came over no connection."""
    arrived: Callable[[], float] = scope.get("extensions", {}).get(ARRIVED, lambda: begun)
    return arrived()


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed, or it would answer 500 by itself."""
    while (await receive())["type"] not in ("http.disconnect", "websocket.disconnect"):
        pass


async def drop_connection(scope: Scope, receive: Receive, *, flush: bool = False) -> None:
    """Close the connection without an answer; in-process, raise ``httpx2.RemoteProtocolError``.

    With ``flush``, what has been written to it already still goes out.
    """
    transport = _connection(scope)
    if transport is None:
        import httpx2

        raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
    if flush:
        transport.close()
    else:
        transport.abort()
    await _gone(receive)


async def send_cut_off(scope: Scope, receive: Receive, send: Send, start: Message, body: bytes) -> None:
    """Announce the whole body, send half of it and close; in-process, raise ``httpx2.RemoteProtocolError``.

    An answer that has no body by its status can't be cut off within it: nothing of it is sent.
    """
    if start["status"] in _WITHOUT_BODY:
        await drop_connection(scope, receive)
        return
    announced = max(len(body), 2)
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    start["headers"] = [*headers, (b"content-length", str(announced).encode())]
    await send(start)
    transport = _connection(scope)
    if transport is None:
        import httpx2

        raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")
    await send({"type": "http.response.body", "body": body[: announced // 2], "more_body": True})
    transport.close()
    await _gone(receive)
