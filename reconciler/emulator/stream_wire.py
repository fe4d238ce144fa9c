"""The server's end of a stream's WebSocket: many messages in one write, confirmed deliveries, and breaking off.

ASGI sends one message at a time, at the cost of a system call each, and doesn't tell when one has arrived. So the
protocol puts a ``Wire`` into the scope's extensions, beside what ASGI offers. Nothing here is kept for a slow reader:
each write waits until the one before has left, and what comes after it stays in the log.
"""

from __future__ import annotations

from asyncio import BaseTransport
from collections.abc import Callable, Sequence
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame

from reconciler.emulator.connection import EXTENSION
from reconciler.emulator.wire import WIRE, WireBrokenError

_LINGER_SECONDS = 1.0


class StreamProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a wire for the application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pings = 0
        self._unanswered: dict[bytes, Callable[[], None]] = {}

    def connection_made(self, transport: BaseTransport) -> None:
        """Hand the transport and the wire to the app with each scope."""
        super().connection_made(transport)
        served: Any = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] |= {EXTENSION: self.transport, WIRE: self}
            await served(scope, receive, send)
            # A refused handshake is over, too: uvicorn takes it for one that was forgotten, and reports an error.
            self.handshake_complete |= self.initial_response is not None

        self.app = app

    async def send_texts(self, texts: Sequence[bytes]) -> None:
        """Send messages, each one text in UTF-8, once what was sent before has left; raises WireBrokenError."""
        await self.writable.wait()
        if self.disconnected or self.transport.is_closing():
            raise WireBrokenError
        try:
            for text in texts:
                self.conn.send_text(text)
        except InvalidState as error:
            raise WireBrokenError from error
        self.transport.write(b"".join(self.conn.data_to_send()))

    def ping(self, answered: Callable[[], None]) -> None:
        """Send a ping; ``answered`` is called once the other side has read it, and with it all that went before."""
        if self.close_sent or self.transport.is_closing():
            return
        self._pings += 1
        payload = self._pings.to_bytes(8)
        self._unanswered[payload] = answered
        self.conn.send_ping(payload)
        self.transport.write(b"".join(self.conn.data_to_send()))

    def break_off(self) -> None:
        """End the connection without a close frame; what is still on its way is lost."""
        self.transport.abort()

    def handle_pong(self, event: Frame) -> None:
        """Tell whoever sent the ping; uvicorn's own keep-alive takes the rest."""
        answered = self._unanswered.pop(bytes(event.data), None)
        if answered is None:
            super().handle_pong(event)
        else:
            answered()

    def shutdown(self) -> None:
        """Close with 1012 as the server stops, but don't wait for a reader that doesn't read."""
        super().shutdown()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)
