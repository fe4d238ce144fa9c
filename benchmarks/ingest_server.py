"""A bare ASGI server that does the least a tenant can: gives tokens and one dataset, parses bodies and counts records.

Run by `ingest.py` in a process of its own. It prints its port as one line.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import orjson
import uvicorn

COLUMNS = {
    "external_id": {"type": "string", "nullable": False, "maxLength": 64},
    "customer_email": {"type": "string", "nullable": True},
    "ticket_priority": {"type": "number", "nullable": True},
    "is_resolved": {"type": "boolean", "nullable": True},
    "resolved_date": {"type": "date", "nullable": True},
    "note": {"type": "string", "nullable": True, "maxLength": 200},
}
DATASET = {"id": "d1", "name": "tickets", "primaryKey": "external_id", "columns": COLUMNS, "etag": "1"}
TOKEN = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600, "scope": ""}

counted = 0


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a request."""
    global counted  # noqa: PLW0603 - the server is this module
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    path = scope["path"]
    answer: object
    if path.endswith("/records"):
        size = len(orjson.loads(b"".join(parts))["records"])
        counted += size
        answer = {"processedCount": size, "failedCount": 0, "errors": []}
    elif path.endswith("/token"):
        answer = TOKEN
    elif path == "/count":
        answer, counted = {"count": counted}, 0
    elif path.endswith("/datasets"):
        answer = {"items": [DATASET], "page": 1, "pageSize": 100, "total": 1, "nextPage": None}
    else:
        answer = DATASET
    body = orjson.dumps(answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until killed."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off", ws="none")
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
