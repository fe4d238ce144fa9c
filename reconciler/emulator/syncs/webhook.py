"""Telling a webhook how a sync has ended (contract: Operations): signed, and repeated until it is acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.emulator.fields import Doc

if TYPE_CHECKING:
    import httpx2

WAIT_SECONDS = 30.0
"""How long a receiver may take to answer: it may call the tenant before it does."""

REPEAT_AFTER_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long after each call the next one follows, by the emulated clock; then it is given up."""


@dataclass(frozen=True, slots=True)
class Call:
    """One webhook: where it goes, its id, which is the same for all repeats, and its body."""

    url: str
    delivery: str
    body: bytes


def headers(call: Call, secret: str | None, now: float) -> dict[str, str]:
    """Give the headers of one call; without a secret there is no signature."""
    stamp = str(int(now))
    found = {"Content-Type": "application/json", "X-CXone-Timestamp": stamp, "X-CXone-Delivery": call.delivery}
    if secret is not None:
        signed = hmac.new(secret.encode(), f"{stamp}.".encode() + call.body, hashlib.sha256)
        found["X-CXone-Signature"] = f"sha256={signed.hexdigest()}"
    return found


async def send(http: httpx2.AsyncClient, call: Call, secret: str | None, at: Callable[[], str]) -> Doc:
    """Call once, and say when, and with which status or error it ended."""
    import httpx2

    began = at()
    # Receivers judge the age of a call by a clock that no control moves.
    sent = headers(call, secret, time.time())
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            answer = await http.post(call.url, content=call.body, headers=sent, timeout=WAIT_SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        return {"at": began, "status": None, "error": f"{type(error).__name__}: {error}"[:300]}
    return {"at": began, "status": answer.status_code, "error": None}


def is_acknowledged(attempt: Doc) -> bool:
    """Say whether a call was answered with success, which is any 2xx."""
    status = attempt["status"]
    return status is not None and 200 <= status < 300
