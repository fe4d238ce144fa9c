"""Bad weather between the command line and an emulator: a server that passes requests on, or spoils their answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import httpx2 as httpx

from tests.support.cxone import Request, answer, serving

Spoil = Callable[[Request, "Passed"], Awaitable[bytes | None]]
"""Gives the bytes of an answer in place of the emulator's, None to cut the connection off."""

Passed = Callable[[Request], Awaitable[bytes]]
"""Passes a request on, and gives the emulator's answer."""

_KEPT = ("content-type", "etag", "location", "x-request-id", "retry-after")


@dataclass
class Storm:
    """What comes over which requests: ``where`` picks them, ``spoil`` answers them, ``times`` bounds how often (None: always).

    ``seen`` are all requests that came, ``spoilt`` counts those that were not answered by the emulator.
    """

    url: str = ""
    where: Callable[[Request], bool] = lambda _: False
    spoil: Spoil | None = None
    times: int | None = None
    spoilt: int = 0
    seen: list[Request] = field(default_factory=list)

    def begin(self, where: Callable[[Request], bool], spoil: Spoil, times: int | None = None) -> None:
        """Let it come."""
        self.where, self.spoil, self.times, self.spoilt = where, spoil, times, 0

    def end(self) -> None:
        """Let it be over."""
        self.spoil = None


@contextmanager
def storm_before(emulator: str, tls: ssl.SSLContext | None = None) -> Iterator[Storm]:
    """Serve on a loopback port, from a thread of its own, in front of the emulator at this URL."""
    storm, ready, loop = Storm(), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with _passing(emulator) as passing:

            async def handle(request: Request) -> bytes | None:
                storm.seen.append(request)
                left = storm.times is None or storm.spoilt < storm.times
                if storm.spoil is None or not left or not storm.where(request):
                    return await passing(request)
                storm.spoilt += 1
                return await storm.spoil(request, passing)

            async with serving(handle, tls) as url:
                storm.url = url
                ready.set()
                await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        yield storm
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.close()


@asynccontextmanager
async def _passing(emulator: str) -> AsyncIterator[Callable[[Request], Awaitable[bytes]]]:
    async with httpx.AsyncClient(base_url=emulator, trust_env=False, verify=False, timeout=30) as client:

        async def passing(request: Request) -> bytes:
            headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
            found = await client.request(request.method, request.target, headers=headers, content=request.body)
            kept = {name: found.headers[name] for name in _KEPT if name in found.headers}
            return answer(found.status_code, found.content, kept)

        yield passing


def is_listing(request: Request) -> bool:
    """A page of any collection."""
    return request.method == "GET" and "page=" in request.target


def is_write(request: Request) -> bool:
    """A write of a resource."""
    return request.method in ("POST", "PATCH", "DELETE") and not is_token(request)


def is_token(request: Request) -> bool:
    """A request for a token."""
    return request.target.endswith("/token")
