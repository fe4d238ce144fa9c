"""Tokens: asked for once however many requests wait, renewed before they expire, never shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import anyio
import orjson

from reconciler.core.values import Secret
from reconciler.cxone.message import Answer, Call
from reconciler.cxone.routes import label_of
from reconciler.cxone.sender import Sender
from reconciler.cxone.settings import Auth
from reconciler.cxone.timing import Timing
from reconciler.errors import AuthenticationError, ReconcilerError

RENEW_SECONDS = 60.0
"""A token is renewed so long before it expires (contract: Tokens)."""

RENEW_FRACTION = 0.2
"""… but never before this last part of its life, which matters for tokens that live a few minutes only."""

DEFAULT_LIFE_SECONDS = 3600.0
"""Where the server does not say (contract: Tokens); a 401 corrects it."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token, and until when (monotonic seconds) it is handed out."""

    secret: Secret
    renew_at: float


class TokenSource:
    """The tokens of one client. ``scopes`` are those the command needs; the target may override them."""

    def __init__(self, auth: Auth, url: str, scopes: Sequence[str], sender: Sender, timing: Timing) -> None:
        self._auth = auth
        self._url = url
        self._scopes = tuple(scopes) if auth.scopes is None else auth.scopes
        self._sender = sender
        self._timing = timing
        self._token: _Token | None = None
        self._asking = anyio.Lock()
        self._rounds = 0
        self._refusal: ReconcilerError | None = None
        self.granted: tuple[str, ...] = ()

    async def current(self) -> Secret:
        """Give a good token, asking for one where needed; all that wait meanwhile share the answer, also a refusal."""
        token = self._good()
        if token is not None:
            return token
        joined = self._rounds
        async with self._asking:
            token = self._good()
            if token is not None:
                return token
            if self._rounds != joined and self._refusal is not None:
                raise self._refusal
            return await self._ask()

    def due(self, token: Secret) -> bool:
        """Whether ``token`` is to be renewed, or has been: no wonder then that the API takes it no longer."""
        held = self._token
        return held is None or held.secret is not token or self._timing.monotonic() >= held.renew_at

    def discard(self, token: Secret) -> None:
        """Forget ``token``, unless another has replaced it already."""
        if self._token is not None and self._token.secret is token:
            self._token = None

    def held(self) -> tuple[str, ...]:
        """The token's text, if there is one, for `reconciler.cxone.text.without`."""
        return () if self._token is None else (self._token.secret.reveal(),)

    def _good(self) -> Secret | None:
        if self._token is None or self._timing.monotonic() >= self._token.renew_at:
            return None
        return self._token.secret

    async def _ask(self) -> Secret:
        self._refusal = None
        try:
            asked_at = self._timing.monotonic()
            answer = await self._sender.send(token_call(self._auth, self._url, self._scopes))
            secret, life = _read(answer)
            margin = min(RENEW_SECONDS, life * RENEW_FRACTION)
            self._token = _Token(secret, asked_at + life - margin)
            self.granted = tuple(str(answer.value.get("scope") or "").split())
        except ReconcilerError as error:
            self._refusal = error
            raise
        finally:
            self._rounds += 1
        return secret


def token_call(auth: Auth, url: str, scopes: Sequence[str]) -> Call:
    """The request for a token, in the body style and grant of the target."""
    client_id = auth.client_id.reveal() if isinstance(auth.client_id, Secret) else auth.client_id
    client_secret = auth.client_secret.reveal()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if auth.grant == "access_key":
        headers["Content-Type"] = "application/json"
        content = orjson.dumps({"accessKeyId": client_id, "accessKeySecret": client_secret})
    else:
        fields = {"grant_type": "client_credentials"}
        if auth.body == "basic":
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"  # RFC 6749 §2.3.1
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            fields |= {"client_id": client_id, "client_secret": client_secret}
        if scopes:
            fields["scope"] = " ".join(scopes)
        if auth.body == "json":
            headers["Content-Type"] = "application/json"
            content = orjson.dumps(fields)
        else:
            content = urlencode(fields).encode()
    return Call("POST", url, label_of(url), headers, content, scopes=tuple(scopes), authorized=False, repeatable=True)


def _read(answer: Answer) -> tuple[Secret, float]:
    """Read token and life in seconds; raises `AuthenticationError` for an answer that holds none."""
    body: Any = answer.value if isinstance(answer.value, dict) else {}
    token, life = body.get("access_token"), body.get("expires_in", DEFAULT_LIFE_SECONDS)
    kind = body.get("token_type", "Bearer")
    problem = ""
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        problem = "no usable access_token"
    elif not isinstance(kind, str) or kind.lower() != "bearer":
        problem = "a token that is no bearer token"
    try:
        seconds = float(life)
    except (TypeError, ValueError):
        seconds = 0.0
    if not problem and not 0 < seconds < float("inf"):
        problem = "an expires_in that is not a number of seconds above 0"
    if problem:
        raise AuthenticationError(
            f"the token endpoint answered {answer.status} with {problem} (request {answer.request_id})",
            fix="check auth.path and auth.grant of the target",
        )
    return Secret("access token", token), seconds
