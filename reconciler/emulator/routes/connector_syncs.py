"""A connector's syncs: ``POST …/connectors/{id}/sync`` and the status of each (contract: Operations)."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.asked import asked_of, sync_of
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import Problem, conflict, invalid
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import json_response, methods
from reconciler.emulator.idempotency import Answer, answered_once
from reconciler.emulator.ids import encode_id
from reconciler.emulator.syncs.connector import BODY, begin, status

_ID_PREFIX = "s"


def routes(emulator: Emulator) -> list[Route]:
    """Give the routes of every connector's syncs."""
    path = emulator.kinds["Connector"].collection + "/{id}/sync"
    return [methods(path, {"POST": _start}), methods(path + "/{sync}", {"GET": _status})]


def fault_of(request: Request) -> str | None:
    """Give the message that a fault wants the request's sync to fail with."""
    message: str | None = getattr(request.state, "fail_sync", None)
    return message


async def _start(request: Request) -> Response:
    emulator = emulator_of(request)
    kind = emulator.kinds["Connector"]
    asked = await asked_of(request, kind, kind.write_scopes)

    def start() -> Answer:
        problems: list[Problem] = []
        accepted: Doc = BODY.accept(asked.body, "", problems)
        if problems:
            raise invalid(problems)
        doc, _ = emulator.resources.load(kind, emulator.resources.find(kind, asked.id).id)
        if doc["lifecycleStatus"] != "ACTIVE":
            text = f"a sync needs an ACTIVE connector; this one is {doc['lifecycleStatus']}"
            raise conflict("INVALID_TRANSITION", text, [Problem("lifecycleStatus", text)])
        sync_id = encode_id(_ID_PREFIX, emulator.store.allocate())
        batch_size = doc["syncSettings"]["batchSize"]
        state = begin(accepted["syncType"], batch_size, emulator.clock.now(), fault_of(request))
        emulator.syncs.add(sync_id, asked.id, accepted, state, "done")
        location = f"{kind.collection}/{asked.id}/sync/{sync_id}"
        return Answer(202, {"Location": location}, orjson.dumps({"syncId": sync_id}))

    return answered_once(request, asked.client, asked.body, start)


async def _status(request: Request) -> Response:
    emulator = emulator_of(request)
    sync = sync_of(request, emulator.kinds["Connector"])
    return json_response(status(sync.id, sync.state, emulator.clock.now()))
