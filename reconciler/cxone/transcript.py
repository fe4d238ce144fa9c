"""What was sent and answered, word for word but for secrets: for people who look for the reason of something (``-vv``, ``-vvv``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.text import Redact, escape, without

HEADERS: Final = 2
"""The level of detail from which on headers are told."""

BODIES: Final = 3
"""The level of detail from which on bodies are told."""

MAX_BODY: Final = 2000
"""Characters of a body that are told."""

HIDDEN: Final = "(secret)"

_SECRET_HEADER: Final = re.compile(r"(?i)auth|cookie|secret|token|signature|api-?key")
_SECRET_KEY: Final = re.compile(r"(?i)pass(word|wd|phrase)|secret|token|api_?key|private_?key")
_PLAIN: Final = frozenset({"username", "clientId", "tokenEndpoint", "headerName", "nextPageToken"})


def transcript(
    call: Call, headers: Mapping[str, str], outcome: Answer | Failure, *, detail: int, redact: Redact
) -> list[str]:
    """The lines that tell of one attempt: headers, and bodies from `BODIES` on.

    Secrets are taken out by what they are (``redact``, and the token that was sent) and by where they stand; nothing of a token
    request's bodies is told.
    """
    bearer = headers.get("Authorization", "").partition(" ")[2]

    def clean(text: str) -> str:
        return redact(without([bearer])(text))

    lines = [f"  > {line}" for line in _headers(headers, clean)]
    if detail >= BODIES and call.content:
        lines.append(f"  > {_body(call, call.content, clean)}")
    if isinstance(outcome, Failure):
        return [*lines, f"  < {escape(clean(outcome.reason))}"]
    lines += [f"  < {line}" for line in (str(outcome.status), *_headers(outcome.headers, clean))]
    if detail >= BODIES and outcome.content:
        lines.append(f"  < {_body(call, outcome.content, clean)}")
    return lines


def _headers(headers: Mapping[str, str], clean: Redact) -> list[str]:
    return [
        f"{escape(clean(name))}: {HIDDEN if _SECRET_HEADER.search(name) else escape(clean(value))}"
        for name, value in sorted(headers.items())
    ]


def _body(call: Call, content: bytes, clean: Redact) -> str:
    if not call.authorized:
        return f"({len(content)} bytes, not shown: they are about a token)"
    try:
        # Written anew, since JSON can write one text in many ways, and secrets are looked for in one of them.
        text = orjson.dumps(_masked(orjson.loads(content))).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        text = content.decode("utf-8", "replace")
    more = f" ({len(content)} bytes in all)" if len(text) > MAX_BODY else ""
    return escape(clean(text), MAX_BODY) + more


def _masked(value: Any, *, hidden: bool = False) -> Any:
    """The value without secrets; ``hidden`` is whether it stands where secrets are."""
    if isinstance(value, dict):
        wrapped = value.get("secret") is True
        return {
            key: _masked(item, hidden=(hidden or _is_secret(key, wrapped)) and key not in _PLAIN)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, hidden=hidden) for item in value]
    return HIDDEN if hidden and isinstance(value, str) else value


def _is_secret(key: str, wrapped: bool) -> bool:
    return key == "credentials" or (wrapped and key == "value") or _SECRET_KEY.search(key) is not None
