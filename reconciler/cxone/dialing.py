"""Reaching a host that may have several addresses: one after the other, the next as soon as one takes long (RFC 8305).

The event loop's own way can lose a socket where it is cancelled at the wrong moment.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Final

import anyio

_Place = tuple[int, int, int, str, Any]
"""An address as the resolver gives it: family, type, protocol, canonical name, address."""
_Places = Sequence[_Place]

SECOND_ATTEMPT: Final = 0.25
"""Seconds after which another address is tried beside the one before."""


class Dialer:
    """Connects to hosts.

    Who asks for a host's addresses while somebody waits for them waits along: an apply dials as many connections at once as it may
    use, and a resolver is not to be asked as often.
    """

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Future[_Places]] = {}

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected socket. Raises OSError where no address can be reached, UnicodeError for a host that is no name."""
        found = _spelled_out(host, port) or await self._resolved(host, port)
        return await (_reach(*found[0]) if len(found) == 1 else _first_of(found))

    async def _resolved(self, host: str, port: int) -> _Places:
        place = (host, port)
        asked = self._asked.get(place)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asked[place] = asyncio.ensure_future(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            asked.add_done_callback(lambda done: self._answered(place, done))
        # One who is cancelled leaves the others their answer.
        return await asyncio.shield(asked)

    def _answered(self, place: tuple[str, int], done: asyncio.Future[_Places]) -> None:
        del self._asked[place]
        if not done.cancelled():
            done.exception()  # asyncio complains of one that nobody took, as where all who waited were cancelled


def _spelled_out(host: str, port: int) -> _Places:
    """A host that is an address already, as the resolver would give it; nothing for a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        return []


async def _first_of(found: _Places) -> socket.socket:
    race = _Race()
    try:
        async with anyio.create_task_group() as group:
            for place in _alternating(found):
                over = anyio.Event()
                group.start_soon(race.run, group.cancel_scope, over, place)
                with anyio.move_on_after(SECOND_ATTEMPT):
                    await over.wait()
    except BaseException:
        if race.winner is not None:
            race.winner.close()
        raise
    if race.winner is None:
        reasons = "; ".join(dict.fromkeys(str(error) for error in race.errors))
        raise OSError(reasons or "the host has no address") from (race.errors[0] if race.errors else None)
    return race.winner


class _Race:
    """The attempts to reach one host; the first that succeeds ends all others."""

    def __init__(self) -> None:
        self.winner: socket.socket | None = None
        self.errors: list[OSError] = []

    async def run(self, others: anyio.CancelScope, over: anyio.Event, place: _Place) -> None:
        """Try one address."""
        try:
            reached = await _reach(*place)
            if self.winner is None:
                self.winner = reached
                others.cancel()
            else:
                reached.close()
        except OSError as error:
            self.errors.append(error)
        finally:
            over.set()


async def _reach(family: int, kind: int, protocol: int, _: str, address: Any) -> socket.socket:
    """Connect to one address, as the resolver gave it."""
    trying = socket.socket(family, kind, protocol)
    try:
        trying.setblocking(False)
        await asyncio.get_running_loop().sock_connect(trying, address)
    except BaseException:
        trying.close()
        raise
    return trying


def _alternating(found: _Places) -> list[_Place]:
    """Addresses of both families by turns, the resolver's first choice first."""
    first = [item for item in found if item[0] == found[0][0]]
    other = [item for item in found if item[0] != found[0][0]]
    made: list[_Place] = []
    for index in range(max(len(first), len(other))):
        made += first[index : index + 1] + other[index : index + 1]
    return made
