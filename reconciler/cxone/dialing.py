"""Reaching a host that may have several addresses: one after the other, the next as soon as one takes long (RFC 8305).

The event loop's own way can lose a socket where it is cancelled at the wrong moment.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import anyio

SECOND_ATTEMPT: Final = 0.25
"""Seconds after which another address is tried beside the one before."""


async def dial(host: str, port: int) -> socket.socket:
    """A connected socket. Raises OSError where no address can be reached, UnicodeError for a host that is no name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    race = _Race()
    try:
        async with anyio.create_task_group() as group:
            for family, _, protocol, _, address in _alternating(found):
                over = anyio.Event()
                group.start_soon(race.run, group.cancel_scope, over, family, protocol, address)
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

    async def run(self, others: anyio.CancelScope, over: anyio.Event, family: int, protocol: int, address: Any) -> None:
        """Try one address."""
        trying = None
        try:
            trying = socket.socket(family, socket.SOCK_STREAM, protocol)
            trying.setblocking(False)
            await asyncio.get_running_loop().sock_connect(trying, address)
            if self.winner is None:
                self.winner, trying = trying, None
                others.cancel()
        except OSError as error:
            self.errors.append(error)
        finally:
            over.set()
            if trying is not None:
                trying.close()


def _alternating(found: list[Any]) -> list[Any]:
    """Addresses of both families by turns, the resolver's first choice first."""
    first = [item for item in found if item[0] == found[0][0]]
    other = [item for item in found if item[0] != found[0][0]]
    made = []
    for index in range(max(len(first), len(other))):
        made += first[index : index + 1] + other[index : index + 1]
    return made
