"""``POST /api/v2/events/stream``: health events of data extensions (contract: Operations)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.asked import authorise
from reconciler.emulator.clock import timestamp
from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import Problem, invalid
from reconciler.emulator.fields import Doc
from reconciler.emulator.health_events import BODY, HEALTH_PATH, HEALTH_SCOPES
from reconciler.emulator.http import JSON, methods, read_object
from reconciler.emulator.idempotency import Answer, answered_once


def routes(_emulator: Emulator) -> list[Route]:
    """Give the route that takes events."""
    return [methods(HEALTH_PATH, {"POST": _take})]


async def _take(request: Request) -> Response:
    emulator = emulator_of(request)
    client = authorise(request, HEALTH_SCOPES)
    body = await read_object(request, JSON)

    def take() -> Answer:
        problems: list[Problem] = []
        event: Doc = BODY.accept(body, "", problems)
        if problems:
            raise invalid(problems)
        emulator.health_events.add(event, client, timestamp(emulator.clock.now()))
        return Answer(202, {}, b"{}")

    return answered_once(request, client, body, take)
