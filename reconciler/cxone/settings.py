"""How one target's API is spoken to, as plain data (contract: Per-target overrides). Importing this loads no HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reconciler.core.values import Secret

Grant = Literal["client_credentials", "access_key"]
BodyStyle = Literal["form", "json", "basic"]
PaginationStyle = Literal["page", "offset", "token"]
ConcurrencyStyle = Literal["etag", "version", "compare"]

MAX_PAGE_SIZE = 500
"""Most resources that may be asked for in one page (contract: Common rules)."""

EMBEDDED_URL = "http://emulator"
"""The base URL under which an application in this process is addressed; it never reaches a network."""

_TOKEN_PATHS: Mapping[Grant, str] = {
    "client_credentials": "/oauth/token",
    "access_key": "/authentication/v1/token/access-key",
}


@dataclass(frozen=True, slots=True)
class Auth:
    """How a token is asked for.

    ``path`` is the token endpoint, a path under the target's URL or an absolute URL; empty stands for the grant's usual one.
    ``body`` chooses between a form, a JSON object, and a form with the credentials in HTTP Basic (RFC 6749 §2.3.1); an access
    key always travels as JSON. ``scopes`` are asked for instead of those that the command needs.
    """

    client_id: str | Secret
    client_secret: Secret
    grant: Grant = "client_credentials"
    path: str = ""
    body: BodyStyle = "form"
    scopes: tuple[str, ...] | None = None

    @property
    def token_path(self) -> str:
        """The token endpoint's path or absolute URL."""
        return self.path or _TOKEN_PATHS[self.grant]


@dataclass(frozen=True, slots=True)
class TargetApi:
    """One target's API.

    ``paths`` overrides the collection path of a kind, by the kind's name: a path under ``url``, or an absolute URL for a
    service with a base URL of its own. ``requests_per_second`` is a ceiling; without it the client learns the server's limit
    from its 429s. ``ca_file`` (PEM) replaces the system's certificate authorities; certificates are always verified. ``proxy``
    may hold a password and so is never shown. Environment variables such as ``HTTPS_PROXY`` have no say: what a run talks to
    is what the project file says.
    """

    name: str
    url: str
    auth: Auth
    paths: Mapping[str, str] = field(default_factory=dict)
    pagination: PaginationStyle = "page"
    concurrency: ConcurrencyStyle = "etag"
    requests_per_second: float | None = None
    max_concurrency: int = 10
    ca_file: Path | None = None
    proxy: str | Secret | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    page_size: int = MAX_PAGE_SIZE

    @property
    def effective_page_size(self) -> int:
        """Resources asked for per page: ``page_size`` within the contract's bounds."""
        return max(1, min(self.page_size, MAX_PAGE_SIZE))
