"""Token endpoints: four paths, every encoding that a client of the contract uses, and the access-key grant."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator.emulator import Emulator, emulator_of
from reconciler.emulator.errors import ApiError
from reconciler.emulator.fields import Doc
from reconciler.emulator.http import FORM, JSON, json_response, media_type, methods, parse_object, read_body
from reconciler.emulator.settings import ACCESS_KEY_PATH, TOKEN_PATHS, Client


class OAuthError(ApiError):
    """An error of the token endpoint: RFC 6749 §5.2's members beside those of the common error body."""

    def __init__(self, status: int, error: str, message: str, challenge: str | None = None) -> None:
        headers = {"Cache-Control": "no-store"}
        if challenge:
            headers["WWW-Authenticate"] = challenge
        super().__init__(status, error, message, (), headers)

    def body(self, request_id: str) -> dict[str, object]:
        """Give the JSON body of the answer."""
        return {"error": self.code, "error_description": self.message, **super().body(request_id)}


def routes(_emulator: Emulator) -> list[Route]:
    """Give the token routes."""
    found = [methods(path, {"POST": _client_credentials}) for path in TOKEN_PATHS]
    return [*found, methods(ACCESS_KEY_PATH, {"POST": _access_key})]


def _invalid(message: str) -> OAuthError:
    return OAuthError(HTTPStatus.BAD_REQUEST, "invalid_request", message)


def _object(body: bytes) -> Doc:
    try:
        return parse_object(body)
    except ApiError as error:
        raise _invalid(error.message) from error


async def _parameters(request: Request) -> dict[str, str]:
    """Read the body as a form or as JSON, whatever of the two it says it is."""
    body = await read_body(request)
    kind = media_type(request)
    if kind == JSON:
        parsed = _object(body)
        if not all(isinstance(value, str) for value in parsed.values()):
            raise _invalid("every parameter must be a string")
        return parsed
    if kind not in (FORM, ""):
        text = f"the content type must be {FORM} or {JSON}"
        raise OAuthError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", text)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError as error:
        raise _invalid("the body is not a form") from error
    if len(dict(pairs)) != len(pairs):
        raise _invalid("a parameter occurs twice")
    return dict(pairs)


def _basic(request: Request) -> tuple[str, str] | None:
    """Read HTTP Basic credentials; both parts are form-encoded (RFC 6749 §2.3.1), which plain ones survive."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, separator, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        separator = ""
    if not separator:
        raise _invalid("the Authorization header does not hold Basic credentials")
    return client_id, secret


def _identify(request: Request, parameters: dict[str, str]) -> Client:
    emulator = emulator_of(request)
    basic = _basic(request)
    in_body = (parameters.get("client_id"), parameters.get("client_secret"))
    if basic is None and (in_body[0] is None or in_body[1] is None):
        raise _invalid("client_id and client_secret are required")
    if basic is not None and any(given not in (None, known) for given, known in zip(in_body, basic, strict=True)):
        raise _invalid("the credentials of the body and of the Authorization header differ")
    client_id, secret = basic or (str(in_body[0]), str(in_body[1]))
    client = emulator.tokens.client(client_id, secret)
    if client is None and basic is not None:
        client = emulator.tokens.client(unquote_plus(client_id), unquote_plus(secret))
    if client is None:
        challenge = 'Basic realm="emulator"' if basic is not None else None
        raise OAuthError(HTTPStatus.UNAUTHORIZED, "invalid_client", "the credentials are wrong", challenge)
    return client


def _grant(request: Request, client: Client, scopes: frozenset[str]) -> Response:
    emulator = emulator_of(request)
    request.state.client_id = client.id
    content = {
        "access_token": emulator.tokens.issue(client, scopes),
        "token_type": "Bearer",
        "expires_in": emulator.settings.token_lifetime_seconds,
        "scope": " ".join(sorted(scopes)),
    }
    return json_response(content, headers={"Cache-Control": "no-store"})


async def _client_credentials(request: Request) -> Response:
    parameters = await _parameters(request)
    if "grant_type" not in parameters:
        raise _invalid("grant_type is required")
    client = _identify(request, parameters)
    if parameters["grant_type"] != "client_credentials":
        text = "only client_credentials is supported"
        raise OAuthError(HTTPStatus.BAD_REQUEST, "unsupported_grant_type", text)
    asked = frozenset(parameters.get("scope", "").split())
    refused = sorted(asked - client.scopes)
    if refused:
        text = f"client {client.id} may not ask for {' '.join(refused)}"
        raise OAuthError(HTTPStatus.FORBIDDEN, "invalid_scope", text)
    return _grant(request, client, asked or client.scopes)


async def _access_key(request: Request) -> Response:
    if media_type(request) != JSON:
        raise OAuthError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "invalid_request", f"the content type must be {JSON}")
    body = _object(await read_body(request))
    key, secret = body.get("accessKeyId"), body.get("accessKeySecret")
    if not isinstance(key, str) or not isinstance(secret, str):
        raise _invalid("accessKeyId and accessKeySecret are required")
    client = emulator_of(request).tokens.client(key, secret)
    if client is None:
        raise OAuthError(HTTPStatus.UNAUTHORIZED, "invalid_client", "the access key is wrong")
    return _grant(request, client, client.scopes)
