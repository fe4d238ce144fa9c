"""``POST …/datasets/{id}/records``: ingesting a batch (contract: Operations)."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.batch import MAX_BYTES, read_batch
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.http import JSON, json_response, methods, read_object
from reconciler.emulator.idempotency import Answer, replayed
from reconciler.emulator.routes.resources import authorise


def routes(emulator: Emulator) -> list[Route]:
    """Give the route of every dataset's records."""
    return [methods(emulator.kinds["Dataset"].collection + "/{id}/records", {"POST": _ingest})]


async def _ingest(request: Request) -> Response:
    emulator = emulator_of(request)
    kind = emulator.kinds["Dataset"]
    client = authorise(request, kind.write_scopes)
    id_ = request.path_params["id"]
    emulator.resources.find(kind, id_)
    body = await read_object(request, JSON, limit=MAX_BYTES)

    def ingest() -> Answer:
        return Answer(200, {}, orjson.dumps(emulator.ingestion.ingest(id_, read_batch(body), client)))

    with emulator.store.transaction():
        answer = replayed(emulator, request, client, body, ingest)
    return json_response(answer.body, answer.status, answer.headers)
