"""An emulator of the API contract: a tenant with its tokens, resources and controls, in memory or one file.

It is an independent reading of the contract and imports nothing else of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator.errors import UNWRITABLE, StateError
from reconciler.emulator.settings import Client, Settings, parse_client

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["UNWRITABLE", "Client", "Settings", "StateError", "create_app", "parse_client", "serve"]


def create_app(settings: Settings) -> Starlette:
    """Make the application, as ``reconciler.emulator.app.create_app``; Starlette is imported only now."""
    from reconciler.emulator.app import create_app as create

    return create(settings)


def serve(settings: Settings, port: int = 0) -> None:
    """Serve on a loopback port, as ``reconciler.emulator.server.serve``; uvicorn is imported only now."""
    from reconciler.emulator.server import serve as run

    run(settings, port)
