"""Discovery documents, so that a client finds the endpoints from a tenant's base URL (contract: Tokens)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.http import json_response, methods
from reconciler.emulator.settings import ACCESS_KEY_PATH, SCOPES, TOKEN_PATHS


def routes(_emulator: Emulator) -> list[Route]:
    """Give the discovery routes."""
    return [
        methods("/.well-known/cxone-configuration", {"GET": _tenant}),
        methods("/.well-known/openid-configuration", {"GET": _openid}),
    ]


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def _tenant(request: Request) -> Response:
    base = _base(request)
    content = {
        "tenantId": request.query_params.get("tenantId", "local"),
        "area": "local",
        "domain": request.url.netloc,
        "api_endpoint": base,
        "auth_endpoint": base,
        "access_key_endpoint": base + ACCESS_KEY_PATH,
    }
    return json_response(content)


async def _openid(request: Request) -> Response:
    base = _base(request)
    content = {
        "issuer": base,
        "token_endpoint": base + TOKEN_PATHS[1],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": list(SCOPES),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }
    return json_response(content)
