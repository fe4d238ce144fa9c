"""``POST …/datasets/{id}/records``: ingesting a batch (contract: Operations)."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.asked import asked_of
from reconciler.emulator.batch import MAX_BYTES, read_batch
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.http import methods
from reconciler.emulator.idempotency import Answer, answered_once


def routes(emulator: Emulator) -> list[Route]:
    """Give the route of every dataset's records."""
    return [methods(emulator.kinds["Dataset"].collection + "/{id}/records", {"POST": _ingest})]


async def _ingest(request: Request) -> Response:
    emulator = emulator_of(request)
    kind = emulator.kinds["Dataset"]
    asked = await asked_of(request, kind, kind.write_scopes, limit=MAX_BYTES)

    def ingest() -> Answer:
        return Answer(200, {}, orjson.dumps(emulator.ingestion.ingest(asked.id, read_batch(asked.body), asked.client)))

    return answered_once(request, asked.client, asked.body, ingest)
