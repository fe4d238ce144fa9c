"""``Idempotency-Key`` on POST: the first success is kept for a day and given again (contract: Common rules)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import orjson
from starlette.requests import Request

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.errors import bad_request, unprocessable
from reconciler.emulator.fields import Doc

KEPT_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255
_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: all of it that is to be given again."""

    status: int
    headers: dict[str, str]
    body: bytes


def replayed(emulator: Emulator, request: Request, client_id: str, body: Doc, make: Callable[[], Answer]) -> Answer:
    """Give the answer kept under the request's key, or make and keep it; must be called inside a transaction.

    A key belongs to one client, method and path. Raises the 422 when it came with another body before.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return make()
    if not _KEY.fullmatch(key):
        raise bad_request("Idempotency-Key", f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters")
    digest = sha256("\0".join((client_id, request.method, request.url.path, key)).encode()).hexdigest()
    body_digest = sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    connection, now = emulator.store.connection, emulator.clock.now()
    query = "SELECT body_digest, status, headers, body FROM answers WHERE digest = ? AND expires > ?"
    kept = connection.execute(query, (digest, now)).fetchone()
    if kept is not None:
        if kept[0] != body_digest:
            raise unprocessable("IDEMPOTENCY_KEY_REUSED", "the key was used with another body before")
        return Answer(kept[1], orjson.loads(kept[2]), kept[3])
    answer = make()
    connection.execute("DELETE FROM answers WHERE expires <= ?", (now,))
    row = (digest, body_digest, answer.status, orjson.dumps(answer.headers), answer.body, now + KEPT_SECONDS)
    connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
    return answer
