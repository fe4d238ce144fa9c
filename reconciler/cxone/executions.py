"""Executing a data action, and reading what the server tells of it beside the output."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from reconciler.core.kind import Kind
from reconciler.cxone.client import Client
from reconciler.cxone.message import Answer
from reconciler.cxone.status import read_error
from reconciler.cxone.text import Redact

SCOPES: Final = ("data:actions:execute",)
"""What executing takes; it lets read actions, too (contract: Tokens)."""

REFUSALS: Final = frozenset({400, 422, 501, 504})
"""Statuses that say what became of an execution: wrong inputs, a wrong output or a failure, no runtime, no answer in time."""

_LOGS: Final = "x-execution-logs"
_MILLISECONDS: Final = "x-execution-milliseconds"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that an action logged: ``data`` is any JSON, None where it logged a message alone."""

    level: str
    message: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of one execution.

    ``output`` is the action's own where ``refusal`` is empty; else that says why there is none, and ``code`` is the server's
    word for it. ``logs`` and ``milliseconds`` are there where the server gives them.
    """

    status: int
    output: Any = None
    code: str = ""
    refusal: str = ""
    logs: tuple[LogLine, ...] = ()
    milliseconds: int | None = None
    request_id: str = field(default="", compare=False)


async def execute(client: Client, kind: Kind, id: str, inputs: Mapping[str, Any], redact: Redact) -> Executed:  # noqa: A002
    """Execute an action once: an answer that is lost is not asked for again, since nobody knows what the action did.

    Raises what `Client.exchange` raises for anything but an answer to the execution.
    """
    path = client.address(kind, id, "execute")
    answer = await client.exchange("POST", path, body={"inputs": inputs}, scopes=SCOPES, expected=REFUSALS)
    logs, took = read_logs(answer.headers), _number(answer.headers.get(_MILLISECONDS, ""))
    if answer.success:
        return Executed(answer.status, answer.value, logs=logs, milliseconds=took, request_id=answer.request_id)
    code, refusal = _refusal(answer, redact)
    return Executed(answer.status, None, code, refusal, logs, took, answer.request_id)


def _refusal(answer: Answer, redact: Redact) -> tuple[str, str]:
    body = read_error(answer, redact)
    if body is None:
        return "", f"answered {answer.status}"
    return body.code, str(body) or f"answered {answer.status}"


def read_logs(headers: Mapping[str, str]) -> tuple[LogLine, ...]:
    """Read the log lines of an answer: base64 of a JSON array; none where the header is absent or cannot be read."""
    try:
        lines = orjson.loads(base64.b64decode(headers.get(_LOGS, ""), validate=True) or b"[]")
    except (binascii.Error, ValueError):
        return ()
    found = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return tuple(
        LogLine(str(line.get("level", "info")), str(line.get("message", "")), line.get("data")) for line in found
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
