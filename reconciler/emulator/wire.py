"""What a stream's WebSocket can do beyond ASGI, told apart from the server that does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

WIRE = "reconciler.emulator.wire"
"""Key in ``scope["extensions"]`` under which a WebSocket's ``Wire`` stands; absent in-process."""


class WireBrokenError(Exception):
    """The other side has gone, or a close has been sent: nothing more can be sent."""


class Wire(Protocol):
    """Many messages in one write, confirmed deliveries, and breaking off."""

    async def send_texts(self, texts: Sequence[bytes]) -> None:
        """Send messages, each one text in UTF-8, once what was sent before has left; raises WireBrokenError."""

    def ping(self, answered: Callable[[], None]) -> None:
        """Send a ping; ``answered`` is called once the other side has read it, and with it all that went before."""

    def break_off(self) -> None:
        """End the connection without a close frame; what is still on its way is lost."""
