"""``Idempotency-Key`` on POST: the first success is kept for a day and given again (contract: Common rules)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import orjson
from starlette.requests import Request
from starlette.responses import Response

from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import bad_request, unprocessable
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import json_response

KEPT_SECONDS = 24 * 3600
MAX_KEY_LENGTH = 255
_KEY = re.compile(rf"[!-~]{{1,{MAX_KEY_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: all of it that is to be given again."""

    status: int
    headers: dict[str, str]
    body: bytes


def answered_once(request: Request, client_id: str, body: Doc, make: Callable[[], Answer]) -> Response:
    """Answer as ``make`` says, in a transaction, or give the answer kept under the request's key again.

    A key belongs to one client, method and path. Raises the 422 when it came with another body before.
    """
    emulator = emulator_of(request)
    with emulator.store.transaction():
        answer = kept(emulator, request, client_id, body)
        if answer is None:
            answer = make()
            keep(emulator, request, client_id, body, answer)
    return json_response(answer.body, answer.status, answer.headers)


def kept(emulator: Emulator, request: Request, client_id: str, body: Doc) -> Answer | None:
    """Give the answer kept under the request's key, if there is a key and an answer; raises as `answered_once`."""
    key = _digest(request, client_id)
    if key is None:
        return None
    query = "SELECT body_digest, status, headers, body FROM answers WHERE digest = ? AND expires > ?"
    found = emulator.store.connection.execute(query, (key, emulator.clock.now())).fetchone()
    if found is None:
        return None
    if found[0] != _body_digest(body):
        raise unprocessable("IDEMPOTENCY_KEY_REUSED", "the key was used with another body before")
    return Answer(found[1], orjson.loads(found[2]), found[3])


def keep(emulator: Emulator, request: Request, client_id: str, body: Doc, answer: Answer) -> None:
    """Keep a success under the request's key, if there is one; must be called inside a transaction."""
    key = _digest(request, client_id)
    if key is None:
        return
    connection, now = emulator.store.connection, emulator.clock.now()
    connection.execute("DELETE FROM answers WHERE expires <= ?", (now,))
    headers = orjson.dumps(answer.headers)
    row = (key, _body_digest(body), answer.status, headers, answer.body, now + KEPT_SECONDS)
    connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)


def _digest(request: Request, client_id: str) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise bad_request("Idempotency-Key", f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters")
    return sha256("\0".join((client_id, request.method, request.scope["path"], key)).encode()).hexdigest()


def _body_digest(body: Doc) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
