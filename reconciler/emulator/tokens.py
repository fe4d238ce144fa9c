"""Access tokens: issued to clients, kept as digests beside the state, judged by the emulated clock."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus

from reconciler.emulator.clock import Clock
from reconciler.emulator.errors import ApiError, Problem
from reconciler.emulator.settings import Client, Settings
from reconciler.emulator.store import Store


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token lets its bearer do, and until when by the emulated clock, in seconds since 1970."""

    client_id: str
    scopes: frozenset[str]
    expires: float


class Tokens:
    """Issues and checks tokens. A token issued by one process on a state is good in the others."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = settings.token_lifetime_seconds
        self._clients: Mapping[str, Client] = {client.id: client for client in settings.clients}

    def client(self, client_id: str, secret: str) -> Client | None:
        """Give the client with these credentials, or None."""
        client = self._clients.get(client_id)
        known = client.secret if client is not None else ""
        same = hmac.compare_digest(known.encode(), secret.encode("utf-8", "surrogatepass"))
        return client if same else None

    def issue(self, client: Client, scopes: frozenset[str]) -> str:
        """Make a token; expired ones are dropped on this occasion."""
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        row = (_digest(token), client.id, " ".join(sorted(scopes)), now + self._lifetime)
        with self._store.transaction():
            self._store.connection.execute("DELETE FROM tokens WHERE expires <= ?", (now,))
            self._store.connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?)", row)
        return token

    def check(self, authorization: str | None, any_of: frozenset[str]) -> Grant:
        """Give the grant behind an ``Authorization`` header; raises 401, or 403 naming the scope that is missing."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("a bearer token is required", "Bearer")
        grant = self._lookup(_digest(token.strip()))
        if grant is None:
            raise _unauthorized("the token is unknown or has expired", 'Bearer error="invalid_token"')
        if not grant.scopes & any_of:
            scopes = " or ".join(sorted(any_of))
            header = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(sorted(any_of))}"'}
            text = f"the token lacks the scope {scopes}"
            raise ApiError(HTTPStatus.FORBIDDEN, "FORBIDDEN", text, [Problem("scope", scopes)], header)
        return grant

    def _lookup(self, digest: str) -> Grant | None:
        query = "SELECT client, scopes, expires FROM tokens WHERE digest = ? AND expires > ?"
        row = self._store.connection.execute(query, (digest, self._clock.now())).fetchone()
        if row is None or row[0] not in self._clients:
            return None
        return Grant(row[0], frozenset(row[1].split()), row[2])


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _unauthorized(message: str, challenge: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", message, (), {"WWW-Authenticate": challenge})
