"""The senders that an ingestion is measured against; run by `ingest.py` in a process of its own.

``ready``: bodies made beforehand, sent by this tool's own client as fast as it can, several at a time: nothing is read, checked or
written down. ``library``: the same bodies, as many at a time, by httpx2's client as anybody would use it. ``seed``: the way of the seeds' client: records in memory, each checked one by one, batches sent one after
another. Prints records a second, not counting the preparation.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx2
import orjson

from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.settings import Auth, TargetApi
from reconciler.kinds import load_kinds

IN_FLIGHT = 6
PATH = "/api/v2/data-actions/datasets/d1/records"


def record(number: int) -> dict[str, Any]:
    """One record of the benchmark's source, as it is sent."""
    return {
        "external_id": f"T-{number:09}",
        "customer_email": f"user{number % 5000}@example.com",
        "ticket_priority": number % 5,
        "is_resolved": bool(number % 2),
        "resolved_date": f"2026-{1 + number % 12:02}-{1 + number % 28:02}T00:00:00.000Z",
        "note": f"Ticket number {number} of the import",
    }


def body_of(records: list[dict[str, Any]]) -> bytes:
    """The body of one request."""
    strategy = {"mode": "upsert", "keys": ["external_id"]}
    inference = {"enabled": False, "strictMode": True}
    return orjson.dumps({"records": records, "deduplicationStrategy": strategy, "schemaInference": inference})


async def ready(url: str, count: int, size: int) -> float:
    """Send bodies that are made already; a few hundred different ones, again and again."""
    async with _client(url) as client:
        await client.authenticate()

        async def post(body: bytes, headers: dict[str, str]) -> None:
            await client.exchange("POST", PATH, body=body, headers=headers, repeatable=True)

        return await _side_by_side(post, count, size)


async def library(url: str, count: int, size: int) -> float:
    """The same, without anything of this tool."""
    more = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:

        async def post(body: bytes, headers: dict[str, str]) -> None:
            answer = await client.post(PATH, content=body, headers=headers | more)
            orjson.loads(answer.raise_for_status().content)

        return await _side_by_side(post, count, size)


async def _side_by_side(post: Callable[[bytes, dict[str, str]], Awaitable[None]], count: int, size: int) -> float:
    bodies = [
        body_of([record(start + index) for index in range(size)]) for start in range(0, min(count, 200_000), size)
    ]
    numbers = iter(range(count // size))

    async def work() -> None:
        for number in numbers:
            await post(bodies[number % len(bodies)], {"Idempotency-Key": str(number)})

    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(IN_FLIGHT):
            group.start_soon(work)
    return count / (time.perf_counter() - began)


def checked(raw: dict[str, Any], seen: set[str]) -> dict[str, Any]:
    """Check and convert one record the way a client does that looks at one value after another."""
    key = raw["external_id"]
    if key in seen:
        raise ValueError(f"duplicate {key}")
    seen.add(key)
    for name in ("customer_email", "note"):
        raw[name] = str(raw[name])
    raw["ticket_priority"] = float(raw["ticket_priority"])
    raw["is_resolved"] = raw["is_resolved"] in (True, "true")
    moment = datetime.fromisoformat(raw["resolved_date"]).astimezone(UTC)
    raw["resolved_date"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return raw


async def seed(url: str, count: int, size: int) -> float:
    """Check each record, then send batch after batch and wait for each."""
    raw = [record(number) for number in range(count)]
    async with _client(url) as client:
        await client.authenticate()
        began = time.perf_counter()
        seen: set[str] = set()
        valid = [checked(item, seen) for item in raw]
        for start in range(0, count, size):
            await client.exchange("POST", PATH, body=body_of(valid[start : start + size]))
        return count / (time.perf_counter() - began)


def _client(url: str) -> Client:
    api = TargetApi("benchmark", url, Auth("local", Secret("benchmark", "local-secret")))
    return Client(api, load_kinds(), scopes=(), read_only=False)


def main() -> None:
    """Run the sender that the arguments name: sender, url, records, batch size."""
    sender = {"ready": ready, "library": library, "seed": seed}[sys.argv[1]]
    rate = anyio.run(sender, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.write(f"{rate}\n")


if __name__ == "__main__":
    main()
