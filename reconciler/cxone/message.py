"""One request and one answer, as plain values: what the layers of the client hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make, however many attempts it takes.

    ``url`` is absolute, ``label`` its path and query as messages and the audit log show it. ``headers`` and ``content`` may hold secrets and
    are never shown. ``scopes`` names what the call needs, for the message where the server does not say. ``stale_codes`` are
    the codes of a 409 that mean a failed precondition. ``authorized`` is false for the token request itself. ``repeatable`` marks
    calls that may be sent again after an answer was lost; by default those are the safe methods. ``wants_json`` is false where
    the body of a success does not matter. ``expected`` are statuses other than 2xx that are an answer like any other.
    """

    method: str
    url: str
    label: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    stale_codes: frozenset[str] = frozenset()
    authorized: bool = True
    repeatable: bool | None = None
    wants_json: bool = True
    expected: frozenset[int] = frozenset()

    @property
    def conditional(self) -> bool:
        """Whether 304 is a good answer."""
        return self.method == "GET" and "If-None-Match" in self.headers

    @property
    def may_repeat(self) -> bool:
        """Whether losing an answer is harmless, because asking again changes nothing more."""
        return self.method in SAFE_METHODS if self.repeatable is None else self.repeatable

    def __str__(self) -> str:
        return f"{self.method} {self.label}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that arrived whole. ``headers`` have lower-case names; ``request_id`` is the server's, or ours.

    ``value`` is the parsed body of a success, None where there is none.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    request_id: str
    value: Any = field(default=None, repr=False)

    @property
    def success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def is_json(self) -> bool:
        """Whether it claims to be JSON, or claims nothing."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return not kind or kind.endswith(("/json", "+json"))


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that ended without a whole and readable answer.

    ``status`` is set where an answer did come and cannot be read. ``sent`` is false where the request surely never reached the server. ``lasting`` means that trying again cannot help
    (a certificate that is not trusted, a name that does not exist); ``fix`` then says what would.
    """

    reason: str
    sent: bool
    request_id: str
    lasting: bool = False
    fix: str = ""
    status: int | None = None
    cause: Exception | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One attempt, for the audit log and verbose output: no headers, no bodies.

    ``path`` includes the query; ``status`` is None where no whole answer came, and ``failure`` then says why. ``seconds`` is how
    long the attempt took, ``attempt`` counts from 1, ``date`` is the server's clock as it told it.
    """

    method: str
    path: str
    status: int | None
    request_id: str
    seconds: float
    attempt: int
    failure: str = ""
    date: str = ""

    @property
    def line(self) -> str:
        """The attempt as verbose output tells of it."""
        again = f", attempt {self.attempt}" if self.attempt > 1 else ""
        what = f"{self.method} {self.path} → {self.status or 'no answer'}"
        return f"{what} in {self.seconds * 1000:.0f} ms{again} [{self.request_id}]"


OnExchange = Callable[[Call, Mapping[str, str], Answer | Failure], None]
"""Is told of every attempt whole, with the headers that were sent; they and the bodies may hold secrets."""

OnRequest = Callable[[RequestRecord], None]
"""Is told of every attempt, token requests included, after it ended."""
