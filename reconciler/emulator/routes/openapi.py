"""``/openapi.json``: what is served, described for other programs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.http import json_response, methods
from reconciler.emulator.openapi import describe


def routes(_emulator: Emulator) -> list[Route]:
    """Give the route of the description."""
    return [methods("/openapi.json", {"GET": _describe})]


async def _describe(request: Request) -> Response:
    emulator = emulator_of(request)
    return json_response(describe(emulator.settings, emulator.kinds))
