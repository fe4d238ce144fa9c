"""The part of the OpenAPI description that is about tokens and discovery. Pure."""

from __future__ import annotations

from reconciler.emulator.fields import Doc
from reconciler.emulator.http import FORM, JSON
from reconciler.emulator.openapi_parts import request_body
from reconciler.emulator.settings import ACCESS_KEY_PATH, SCOPES, TOKEN_PATHS

SECURITY_SCHEME: Doc = {
    "type": "oauth2",
    "flows": {"clientCredentials": {"tokenUrl": TOKEN_PATHS[0], "scopes": dict.fromkeys(SCOPES, "")}},
}

_TOKEN: Doc = {
    "type": "object",
    "properties": {
        "access_token": {"type": "string"},
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer", "description": "seconds"},
        "scope": {"type": "string"},
    },
    "required": ["access_token", "token_type", "expires_in", "scope"],
}
_TOKEN_ERROR: Doc = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error", "error_description"],
}
_REQUEST: Doc = {
    "type": "object",
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "client_id": {"type": "string", "minLength": 1},
        "client_secret": {"type": "string", "minLength": 1},
        "scope": {"type": "string", "pattern": f"^(?:(?:{'|'.join(SCOPES)})(?: (?:{'|'.join(SCOPES)}))*)?$"},
    },
    "required": ["grant_type", "client_id", "client_secret"],
}
_ACCESS_KEY: Doc = {
    "type": "object",
    "properties": {"accessKeyId": {"type": "string"}, "accessKeySecret": {"type": "string"}},
    "required": ["accessKeyId", "accessKeySecret"],
}


def _post(operation: str, schema: Doc, *media_types: str) -> Doc:
    failed = {"description": "refused", "content": {JSON: {"schema": _TOKEN_ERROR}}}
    return {
        "post": {
            "operationId": operation,
            "security": [],
            "requestBody": request_body(schema, *media_types),
            "responses": {"200": {"description": "a token", "content": {JSON: {"schema": _TOKEN}}}}
            | {str(status): failed for status in (400, 401, 403, 413, 415, 429)},
        }
    }


def _get(operation: str) -> Doc:
    found = {"description": "endpoints", "content": {JSON: {"schema": {"type": "object"}}}}
    return {"get": {"operationId": operation, "security": [], "responses": {"200": found}}}


def token_paths() -> Doc:
    """Give the paths of the token and discovery endpoints."""
    paths: Doc = {
        path: _post(f"token{number}", _REQUEST, FORM, JSON) for number, path in enumerate(TOKEN_PATHS, start=1)
    }
    paths[ACCESS_KEY_PATH] = _post("tokenByAccessKey", _ACCESS_KEY, JSON)
    paths["/.well-known/cxone-configuration"] = _get("tenantConfiguration")
    paths["/.well-known/openid-configuration"] = _get("openidConfiguration")
    return paths
