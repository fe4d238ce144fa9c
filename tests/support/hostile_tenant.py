"""A tenant that gives everything back that it is told: in messages, details and half answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.loopback import Call, Reply, loopback_server


@dataclass
class HostileTenant:
    """``mode`` is what it does to writes (``refuse``, ``garble``) and to token requests (``token``); listings are empty."""

    url: str = ""
    mode: str = "refuse"
    heard: list[str] = field(default_factory=list)


@contextmanager
def hostile_tenant() -> Iterator[HostileTenant]:
    """Serve one on a loopback port."""
    tenant = HostileTenant()

    def handle(call: Call) -> Reply:
        if call.method == "GET":
            return Reply(200, {"items": [], "page": 1, "pageSize": 100, "total": 0, "nextPage": None})
        text = call.body.decode()
        tenant.heard.append(text)
        told = f"you said {text} with {call.headers.get('authorization', '')}"
        if call.path.endswith("/token") and tenant.mode == "token":
            return Reply(401, {"error": "invalid_client", "error_description": told, "message": told})
        if call.path.endswith("/token"):
            return Reply(200, {"access_token": "canary-token-value", "token_type": "Bearer", "expires_in": 3600})
        if tenant.mode == "garble":
            return Reply(200, call.body)
        values = [str(value) for value in _leaves(json.loads(text))]
        details = [{"field": value, "message": f"bad: {value}"} for value in values]
        return Reply(400, {"code": values[-1], "message": f"{told} {values}", "details": details})

    with loopback_server(handle) as server:
        tenant.url = server.url
        yield tenant


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
