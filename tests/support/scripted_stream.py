"""A WebSocket server that answers every handshake, and then says what a test has written down for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson


@dataclass
class Scripted:
    """A WebSocket server that answers every handshake, and then does as it is told; ``seen`` are the handshakes' headers."""

    frames: list[list[bytes | float]]
    seen: list[str] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.seen.append(head)
        if head.startswith("POST"):
            length = int(
                next(line for line in head.split("\r\n") if line.lower().startswith("content-length")).split(":")[1]
            )
            await reader.readexactly(length)
            body = orjson.dumps({"access_token": f"t{len(self.seen)}", "expires_in": 3600})
            writer.write(b"HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()
            return
        key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")).split(": ")[1]
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        writer.write(
            f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        for item in self.frames.pop(0) if self.frames else []:
            if isinstance(item, bytes):
                writer.write(item)
                await writer.drain()
            else:
                await asyncio.sleep(item)
        while data := await reader.read(1000):
            self.answered.append(data)
            if data[0] == 0x88:
                break


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    first = opcode | (0x80 if fin else 0)
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 65536:
        return bytes([first, 126]) + struct.pack("!H", len(payload)) + payload
    return bytes([first, 127]) + struct.pack("!Q", len(payload)) + payload


def closing(code: int) -> bytes:
    return frame(struct.pack("!H", code), 8)


@asynccontextmanager
async def scripted(script: Scripted, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    running: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.wait(running, timeout=5)
