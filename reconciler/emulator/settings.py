"""What an emulator is told when it starts: the options of ``reconciler emulator`` as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Pagination = Literal["page", "offset", "token"]
Concurrency = Literal["etag", "version", "none"]

MAX_PAGE_SIZE = 500
"""Most resources that one page of a listing holds (contract: Common rules)."""

SCOPES = (
    "crm:connectors:read",
    "crm:connectors:write",
    "data:read",
    "data:write",
    "data:sync",
    "data-actions:read",
    "data-actions:write",
    "data:actions:read",
    "data:actions:write",
    "data:actions:execute",
)
"""Every scope that the contract's Tokens section knows."""

TOKEN_PATHS = ("/oauth/token", "/oauth2/token", "/api/v2/oauth2/token", "/api/v2/oauth/token")
ACCESS_KEY_PATH = "/authentication/v1/token/access-key"
"""Where tokens are given out (contract: Tokens); access keys are the clients' credentials under other names."""


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client that may ask for tokens; the same pair serves as an access key."""

    id: str
    secret: str = field(repr=False)
    scopes: frozenset[str] = frozenset(SCOPES)


def parse_client(text: str) -> Client:
    """Read ``ID:SECRET[:SCOPES]``, scopes separated by spaces or commas (they hold colons themselves).

    Raises ValueError where the id or the secret is missing or a scope is not one of the contract's.
    """
    parts = text.split(":", 2)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise ValueError("a client is written ID:SECRET or ID:SECRET:SCOPES")
    scopes = frozenset(parts[2].replace(",", " ").split()) if len(parts) == 3 else frozenset(SCOPES)
    unknown = sorted(scopes - frozenset(SCOPES))
    if unknown:
        raise ValueError(f"unknown scope {unknown[0]}; known are: {', '.join(SCOPES)}")
    return Client(parts[0], parts[1], scopes)


@dataclass(frozen=True, slots=True)
class Settings:
    """All options of an emulator. The defaults are those of ``reconciler emulator`` without any flag.

    ``copied`` leaves the state file alone and works on what it holds, ``rate_limit`` is in requests per second, ``seed`` and
    ``faults`` name JSON files holding the body of the control call of the same name. Raises ValueError for a value that no
    server could honour.
    """

    state: Path | None = None
    copied: bool = False
    rate_limit: float | None = None
    page_size: int = 100
    pagination: Pagination = "page"
    concurrency: Concurrency = "etag"
    latency_seconds: float = 0.0
    clients: tuple[Client, ...] = (Client("local", "local-secret"),)
    token_lifetime_seconds: int = 3600
    webhook_secret: str | None = field(default=None, repr=False)
    action_modules: Path | None = None
    action_env: Path | None = None
    seed: Path | None = None
    faults: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            raise ValueError(f"page_size must be 1 to {MAX_PAGE_SIZE}")
        if self.rate_limit is not None and self.rate_limit <= 0:
            raise ValueError("rate_limit must be more than 0 requests per second")
        if self.latency_seconds < 0:
            raise ValueError("latency_seconds must not be negative")
        if self.token_lifetime_seconds < 1:
            raise ValueError("token_lifetime_seconds must be at least 1")
        if len({client.id for client in self.clients}) != len(self.clients):
            raise ValueError("two clients have the same id")
