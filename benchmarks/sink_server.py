"""A tenant that only has one event stream: ready-made frames, written as fast as the other side reads; then close 1000.

Run as ``sink_server.py COUNT``; prints its URL when it is ready. What it costs is next to nothing, so that a benchmark measures
the sink and not the server.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sink_events import events

TEXT, END = 0x81, b"\x88\x02\x03\xe8"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
STREAM = {"id": "s1", "name": "calls", "actionId": "a1", "eventTypes": ["call"], "status": "ACTIVE", "etag": "e1"}


def frame(payload: bytes) -> bytes:
    """One text message, unmasked as servers send them (RFC 6455 §5.2)."""
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack("!H", len(payload))
    return bytes([TEXT]) + size + payload


def serving(data: bytes):
    """The handler of connections."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.strip().split("\r\n")[1:])
                await reader.readexactly(int(headers.get("content-length", 0)))
                if "sec-websocket-key" in headers:
                    key = next(line for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key"))
                    await stream(writer, key.split(": ")[1], data)
                    await reader.read()
                    return
                token = {"access_token": "t", "expires_in": 3600, "scope": "data-actions:read"}
                page = {"items": [STREAM], "page": 1, "pageSize": 500, "total": 1, "nextPage": None}
                body = json.dumps(token if "/oauth" in head.split(" ")[1] else page).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                )
                writer.write(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return connection


async def stream(writer: asyncio.StreamWriter, key: str, data: bytes) -> None:
    """Answer the handshake and send everything."""
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode(), usedforsecurity=False).digest()).decode()
    writer.write(
        f"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    for start in range(0, len(data), 1 << 18):
        writer.write(data[start : start + (1 << 18)])
        await writer.drain()


async def main() -> None:
    """Serve until terminated."""
    data = b"".join(map(frame, events(int(sys.argv[1])))) + END
    server = await asyncio.start_server(serving(data), "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
