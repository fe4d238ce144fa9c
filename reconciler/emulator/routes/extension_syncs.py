"""A data extension's syncs: ``POST …/extensions/{id}/sync`` and the status of each (contract: Operations)."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import not_found
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import JSON, json_response, methods, read_object
from reconciler.emulator.idempotency import Answer, replayed
from reconciler.emulator.ids import encode_id
from reconciler.emulator.routes.connector_syncs import fault_of
from reconciler.emulator.routes.resources import authorise
from reconciler.emulator.syncs.progress import Progress, status_body
from reconciler.emulator.syncs.request import SYNC_SCOPES, read_request

_DELIVERY_PREFIX = "w"


def routes(emulator: Emulator) -> list[Route]:
    """Give the routes of every extension's syncs."""
    path = emulator.kinds["DataExtension"].collection + "/{id}/sync"
    return [methods(path, {"POST": _start}), methods(path + "/{sync}/status", {"GET": _status})]


async def _start(request: Request) -> Response:
    emulator = emulator_of(request)
    kind = emulator.kinds["DataExtension"]
    client = authorise(request, SYNC_SCOPES)
    id_ = request.path_params["id"]
    emulator.resources.find(kind, id_)
    body = await read_object(request, JSON)

    def start() -> Answer:
        doc, _ = emulator.resources.load(kind, emulator.resources.find(kind, id_).id)
        accepted = read_request(body, id_, doc["fields"])
        number = emulator.store.allocate()
        job = f"sync_{number}_{id_}"
        progress = Progress(
            begun=emulator.clock.now(),
            fields=doc["fields"],
            url=accepted["sourceEndpoint"],
            delivery=encode_id(_DELIVERY_PREFIX, number),
            fault=fault_of(request),
        )
        emulator.syncs.add(job, id_, accepted, asdict(progress), "syncing")
        location = f"{kind.collection}/{id_}/sync/{job}/status"
        return Answer(202, {"Location": location}, orjson.dumps({"syncJobId": job}))

    with emulator.store.transaction():
        answer = replayed(emulator, request, client, body, start)
    response = json_response(answer.body, answer.status, answer.headers)
    # Only once the answer has been sent: a webhook must not come before it.
    response.background = BackgroundTask(_set_off, emulator, answer)
    return response


async def _set_off(emulator: Emulator, answer: Answer) -> None:
    started: Doc = orjson.loads(answer.body)
    emulator.runner.start(started["syncJobId"])


async def _status(request: Request) -> Response:
    emulator = emulator_of(request)
    kind = emulator.kinds["DataExtension"]
    authorise(request, kind.read_scopes)
    row = emulator.resources.find(kind, request.path_params["id"])
    sync = emulator.syncs.get(request.path_params["sync"], row.id)
    if sync is None:
        raise not_found(f"sync {request.path_params['sync']}")
    if sync.phase != "done":
        emulator.runner.start(sync.id)  # in case the process that was at it is gone
    return json_response(status_body(sync.id, row.id, Progress(**sync.state)))
