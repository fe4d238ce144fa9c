"""One WebSocket connection: opened as the target says, read in bulk, never redirected, held back where nobody takes what comes.

This is the only module that knows the `websockets` library.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    ProxyError,
)
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import Event, State

from reconciler import __version__
from reconciler.core.values import Secret
from reconciler.cxone.lasting import lasting_cause
from reconciler.cxone.message import Answer, Failure
from reconciler.cxone.settings import TargetApi
from reconciler.cxone.stream_frames import Handshake, PlainFrames
from reconciler.cxone.text import escape
from reconciler.cxone.transport import CONNECT_SECONDS, trusted

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest message that is read; the connection is closed with 1009 for a larger one."""

BUFFER_BYTES = 4 * 1024 * 1024
"""Bytes received and not taken from which on nothing more is read from the network."""

CLOSE_SECONDS = 2.0
"""How long the closing handshake may take."""

_SILENT = logging.Logger("reconciler.stream", logging.CRITICAL + 1)  # noqa: LOG001 - what it would say, errors say


class Receiver(ClientConnection):
    """A connection whose messages are taken in bulk: one by one, receiving them would cost most of a sink's time."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._messages: list[bytes] = []
        self._fragments: list[bytes] = []
        self._size = 0
        self._held_back = False
        self._handshake = Handshake()
        self._frames = PlainFrames()
        self.over = False
        self.news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Take plain messages at once, and leave everything else to the library."""
        if self.response is None:
            head, data = self._handshake.split(data)
            super().data_received(head)
        if data and self._frames.plain and self.protocol.state is not State.CONNECTING:
            before = len(self._messages)
            data = self._frames.feed(data, self._messages, super().data_received)
            self._size += sum(map(len, self._messages[before:]))
            self._received()
        if data:
            super().data_received(data)

    def process_event(self, event: Event) -> None:
        """Keep the data of messages; the library sees to everything else."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            if isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                self._end()  # nothing follows it (RFC 6455 §5.5.1), also where the server leaves the connection open
            return
        self._fragments.append(bytes(event.data))
        if not event.fin:
            return
        message = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        self._fragments.clear()
        self._messages.append(message)
        self._size += len(message)
        self._received()

    def _received(self) -> None:
        if self._size > BUFFER_BYTES and not self._held_back and not self.over:
            self._held_back = True
            self.transport.pause_reading()
        if self._messages:
            self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits for messages."""
        super().connection_lost(exc)
        self._end()

    def _end(self) -> None:
        self.over = True
        self.news.set()

    def take(self) -> list[bytes]:
        """Everything received so far, which may be nothing; from here on more is read."""
        taken, self._messages, self._size = self._messages, [], 0
        if not self.over:
            self.news.clear()
            if self._held_back:
                self._held_back = False
                self.transport.resume_reading()
        return taken

    async def is_alive(self, seconds: float) -> bool:
        """Ask the other side for a sign of life and wait so long for it."""
        try:
            with anyio.fail_after(seconds):
                await (await self.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    def break_off(self) -> None:
        """End the connection without a handshake."""
        self.transport.abort()

    def let_go(self) -> None:
        """Close a connection that is over, once what was said last has left."""
        self.transport.close()

    @property
    def ending(self) -> tuple[int, str]:
        """Code and reason of a connection that is over; 1006 where the server sent none (RFC 6455 §7.1.5)."""
        sent, received = self.protocol.close_sent, self.protocol.close_rcvd
        close = received or sent
        return (close.code, escape(close.reason, 100)) if close is not None else (1006, "")


class _Connect(connect):
    """Opens connections; a redirect is an answer like any other, since credentials must not follow it."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


@dataclass(frozen=True, slots=True)
class Opening:
    """What one attempt to connect needs: the URL (``http`` or ``https``, as the target's), headers, and its request id."""

    url: str
    headers: Mapping[str, str]
    request_id: str


async def open_socket(api: TargetApi, opening: Opening) -> Receiver | Answer | Failure:
    """Make one attempt: a connection, the answer of a server that refuses, or what failed."""
    parts = urlsplit(opening.url)
    secure = parts.scheme == "https"
    url = urlunsplit(parts._replace(scheme="wss" if secure else "ws"))
    proxy = api.proxy.reveal() if isinstance(api.proxy, Secret) else api.proxy
    options: dict[str, Any] = {"ssl": trusted(api)} if secure else {}
    if proxy and proxy.startswith("https:"):
        options["proxy_ssl"] = trusted(api)
    try:
        connection = await _Connect(
            url,
            additional_headers=dict(opening.headers),
            user_agent_header=f"reconciler/{__version__}",
            proxy=proxy or None,
            compression=None,
            open_timeout=min(CONNECT_SECONDS, api.timeout_seconds),
            close_timeout=CLOSE_SECONDS,
            ping_interval=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=None,
            logger=_SILENT,
            create_connection=Receiver,
            **options,
        )
    except InvalidStatus as error:
        response = error.response
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        given = headers.get("x-request-id", "")
        request_id = given if given and len(given) <= 128 and given.isprintable() else opening.request_id
        return Answer(response.status_code, headers, bytes(response.body or b""), request_id)
    except (OSError, InvalidHandshake, InvalidProxy, ImportError) as error:
        return _failure(error, opening.request_id)
    assert isinstance(connection, Receiver)
    return connection


def _failure(error: Exception, request_id: str) -> Failure:
    found = lasting_cause(error, connecting=True)
    if found is not None:
        return Failure(found[0], sent=False, request_id=request_id, lasting=True, fix=found[1], cause=error)
    text = escape(str(error) or type(error).__name__)
    if isinstance(error, (ProxyError, InvalidProxy, ImportError)):  # a SOCKS proxy would need another library
        reason, fix = f"the proxy refuses: {text}", "check proxy, and what the proxy lets through"
        return Failure(reason, sent=False, request_id=request_id, lasting=True, fix=fix, cause=error)
    if isinstance(error, TimeoutError):
        return Failure("no connection was made in time", sent=False, request_id=request_id, cause=error)
    if isinstance(error, InvalidHandshake) and not (
        isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError)
    ):
        reason, fix = (
            f"the answer is no WebSocket handshake ({text})",
            "check url of the target, and proxies in between",
        )
        return Failure(reason, sent=True, request_id=request_id, lasting=True, fix=fix, cause=error)
    return Failure(f"no connection could be made ({text})", sent=False, request_id=request_id, cause=error)


def closed_by_token(code: int) -> bool:
    """Whether a close code says that the token is no longer good (contract: Operations)."""
    return code in (1008, 4001)
