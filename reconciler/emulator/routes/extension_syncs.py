"""A data extension's syncs: ``POST …/extensions/{id}/sync`` and the status of each (contract: Operations)."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.asked import asked_of, sync_of
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import json_response, methods
from reconciler.emulator.idempotency import Answer, answered_once
from reconciler.emulator.ids import encode_id
from reconciler.emulator.routes.connector_syncs import fault_of
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
    asked = await asked_of(request, kind, SYNC_SCOPES)

    def start() -> Answer:
        doc, _ = emulator.resources.load(kind, emulator.resources.find(kind, asked.id).id)
        accepted = read_request(asked.body, asked.id, doc["fields"])
        number = emulator.store.allocate()
        job = f"sync_{number}_{asked.id}"
        progress = Progress(
            begun=emulator.clock.now(),
            fields=doc["fields"],
            url=accepted["sourceEndpoint"],
            delivery=encode_id(_DELIVERY_PREFIX, number),
            fault=fault_of(request),
        )
        emulator.syncs.add(job, asked.id, accepted, asdict(progress), "syncing")
        location = f"{kind.collection}/{asked.id}/sync/{job}/status"
        return Answer(202, {"Location": location}, orjson.dumps({"syncJobId": job}))

    response = answered_once(request, asked.client, asked.body, start)
    # Only once the answer has been sent: a webhook must not come before it.
    response.background = BackgroundTask(_set_off, emulator, bytes(response.body))
    return response


async def _set_off(emulator: Emulator, answer: bytes) -> None:
    started: Doc = orjson.loads(answer)
    emulator.runner.start(started["syncJobId"])


async def _status(request: Request) -> Response:
    emulator = emulator_of(request)
    sync = sync_of(request, emulator.kinds["DataExtension"])
    if sync.phase != "done":
        emulator.runner.start(sync.id)  # in case the process that was at it is gone
    return json_response(status_body(sync.id, sync.resource, Progress(**sync.state)))
