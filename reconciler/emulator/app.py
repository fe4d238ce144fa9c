"""The emulator as a Starlette application. It needs no lifespan events: everything is ready when it is made."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from reconciler.emulator import routes
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.errors import ApiError
from reconciler.emulator.gate import Gate
from reconciler.emulator.http import error_response, request_id
from reconciler.emulator.settings import Settings
from reconciler.emulator.state_file import is_busy, state_error


def create_app(settings: Settings) -> Starlette:
    """Make the application, to be served by uvicorn or driven by ``httpx2.ASGITransport``.

    Its state is opened here and closed when the application is collected, or by ``app.state.emulator.store.close()``.
    Raises StateError where the state, seed or faults file can't be used.
    """
    try:
        emulator = Emulator(settings)
    except sqlite3.DatabaseError as error:
        raise state_error(settings.state, error) from error
    app = Starlette(
        routes=_all_routes(emulator),
        middleware=[Middleware(Gate)],
        exception_handlers={
            ApiError: _refused,
            HTTPException: _not_routed,
            sqlite3.DatabaseError: _stateless,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    app.state.emulator = emulator
    return app


def _all_routes(emulator: Emulator) -> list[BaseRoute]:
    """Gather the routes of every module in ``routes/``: a new concern is one new file.

    Those of resources come first: routes are tried one by one, and nearly all requests are for resources.
    """
    found: list[BaseRoute] = []
    names = (module.name for module in pkgutil.iter_modules(routes.__path__))
    for name in sorted(names, key=lambda name: (name != "resources", name)):
        found.extend(importlib.import_module(f"{routes.__name__}.{name}").routes(emulator))
    return found


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error, request_id(request))


async def _not_routed(request: Request, error: Exception) -> Response:
    """Give Starlette's own 404 and 405 the common error body."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.method} is not allowed on {request.url.path}"
        refusal = ApiError(405, "METHOD_NOT_ALLOWED", message, headers=error.headers)
    else:
        refusal = ApiError(error.status_code, "NOT_FOUND", f"there is nothing at {request.url.path}")
    return error_response(refusal, request_id(request))


async def _stateless(request: Request, error: Exception) -> Response:
    """Say that the state file is held by another process; or that it can't be read or written, which no waiting mends."""
    assert isinstance(error, sqlite3.DatabaseError)
    if is_busy(error):
        message = f"the state can't be used just now: {error}"
        refusal = ApiError(503, "STATE_BUSY", message, headers={"Retry-After": "1"})
    else:
        found = state_error(request.app.state.emulator.settings.state, error)
        refusal = ApiError(507, found.code, f"{found.message}; {found.fix}")
    return error_response(refusal, request_id(request))


async def _failed(request: Request, _error: Exception) -> Response:
    return error_response(ApiError(500, "INTERNAL", "the emulator failed; its log says why"), request_id(request))
