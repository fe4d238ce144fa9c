"""Reading an answer's body whole, within bounds."""

from __future__ import annotations

import httpx2 as httpx


class TooLarge(Exception):
    """The answer, with this status, is larger than what is read."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def read_whole(response: httpx.Response, most: int) -> bytes:
    """The body, decompressed. Raises `TooLarge` where that is more than ``most`` bytes, and `httpx2.TransportError`."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > most:
            raise TooLarge(response.status_code)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
