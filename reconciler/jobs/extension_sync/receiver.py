"""The webhook receiver: hears of a sync job's progress from the tenant, and of nothing from anybody else.

A delivery is checked (signature over the raw body, time, shape), its job looked up, its content made durable, and answered; what
follows from it is the running job's business. Without a secret nothing that is said here is believed: it only makes the job ask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anyio
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.errors import StorageError
from reconciler.jobs.extension_sync.records import SyncRecords, Taken
from reconciler.jobs.extension_sync.signature import Rejected, check_headers, verify
from reconciler.jobs.extension_sync.status import SyncStatus, read_status

MAX_BODY_BYTES: Final = 256 * 1024
"""Largest body; the contract's are below 100 KB."""

_BODY_SECONDS: Final = 15.0
_EARLY_SECONDS: Final = 3.0
"""How long a delivery for a job that is being started waits for its id, which the answer under way brings."""


class Receiver:
    """The ASGI application. ``secret`` None: unsigned deliveries only wake the job. ``wall`` gives Unix seconds.

    ``started`` is set once the answer to the request that starts the job has been taken in.
    """

    def __init__(
        self,
        records: SyncRecords,
        secret: str | None,
        wall: Callable[[], float],
        *,
        started: anyio.Event,
        noticed: Callable[[str], None],
    ) -> None:
        self._records, self._secret, self._wall = records, secret, wall
        self._started, self._noticed = started, noticed
        self.refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, on whatever path: proxies rewrite paths, and there is nothing else here."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return _said(405, "only POST", Allow="POST")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _said(415, "only application/json", Connection="close")
        try:
            if self._secret is not None:
                check_headers(request.headers, self._wall())
            with anyio.fail_after(_BODY_SECONDS):
                body = await _read(request)
            if body is None:
                return _said(413, f"at most {MAX_BODY_BYTES} bytes", Connection="close")
            delivery = None
            if self._secret is not None:
                delivery = verify(self._secret, request.headers, body, self._wall())
        except Rejected as error:
            self.refused += 1
            if self.refused == 1:  # anybody can send many
                self._noticed(f"the webhook refused a delivery: {error}; no more is said of others")
            return _said(401, "not signed as agreed", Connection="close")
        except TimeoutError:
            return _said(408, "the body did not come", Connection="close")
        try:
            job, said = read_delivery(body)
        except ValueError as error:
            return _said(400, str(error))
        if self._records.get(job) is None:
            with anyio.move_on_after(_EARLY_SECONDS):
                await self._started.wait()
        if delivery is None:
            if self._records.get(job) is None:
                return _said(404, "no such job")
            self._records.wake()
            return _acknowledged(Taken.IGNORED)
        try:
            return _acknowledged(await self._records.take(job, said, delivery))
        except StorageError as error:
            self._noticed(f"a delivery could not be kept: {error.message}")
            return _said(503, "it cannot be kept now", **{"Retry-After": "5"})


async def _read(request: Request) -> bytes | None:
    """The body; None for one that is too large, which is not read any further."""
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
        return None
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MAX_BODY_BYTES:
            return None
    return bytes(parts)


def read_delivery(body: bytes) -> tuple[str, SyncStatus]:
    """The job id and state that a delivery speaks of. Raises `ValueError` for what is no status body with an id."""
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is no JSON") from error
    said = read_status(value)
    job = value.get("syncJobId")
    if not isinstance(job, str) or not job:
        raise ValueError("it has no syncJobId")
    return job, said


def _acknowledged(taken: Taken) -> Response:
    if taken is Taken.UNKNOWN:
        return _said(404, "no such job")
    return Response(orjson.dumps({"acknowledged": True}), 200, media_type="application/json")


def _said(status: int, message: str, **headers: str) -> Response:
    return Response(orjson.dumps({"error": message}), status, headers, media_type="application/json")
