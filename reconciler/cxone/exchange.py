"""What every way to a server has in common: one exchange, whole, and what it raises where there is none.

These errors are the layer's own, so that a command that goes straight to its tenant need not load an HTTP library for their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Seconds(NamedTuple):
    """How long each part of an exchange may take: to connect, each silence while reading, each while writing."""

    connect: float
    read: float
    write: float


class Transport(Protocol):
    """Carries requests to a server and gives their answers."""

    async def fetch(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, seconds: Seconds, most: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and give status, headers (by lower-case names) and body of its answer, decompressed.

        Raises `ExchangeError`, and `TooLarge` for a body of more than ``most`` bytes.
        """

    async def aclose(self) -> None:
        """Close all connections."""


class TooLarge(Exception):
    """The answer, with this status, is larger than what is read."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ExchangeError(Exception):
    """There is no answer. ``sent`` says whether the request can have reached the server."""

    sent = True


class Unsendable(ExchangeError):
    """The request cannot be written: its address or its headers are none."""

    sent = False


class NotConnected(ExchangeError):
    """There is no connection to the server."""

    sent = False


class ConnectTimeout(NotConnected):
    """None was made in time."""


class NoTls(NotConnected):
    """There is a server, and it ends the connection when TLS is to be set up."""


class RefusedByProxy(ExchangeError):
    """The proxy does not let the request through."""

    sent = False


class Broken(ExchangeError):
    """The connection ended, or what came over it is no answer."""


class NoAnswer(ExchangeError):
    """The server was silent, or did not listen, for longer than it may."""
