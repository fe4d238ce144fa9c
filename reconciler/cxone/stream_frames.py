"""Takes messages out of a WebSocket's bytes while these are of the plainest kind: whole text frames, one after the other.

That is what event streams consist of, and reading them so costs a tenth of what a general parser needs. Whatever else comes,
fragments, binary or very large messages, extensions, is left to the library, with all that follows it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

PLAIN_BYTES = 1 << 20
"""Messages above this size are left to the library: a part of one is copied each time that more of it arrives."""

_TEXT = 0x81
_CONTROLS = (0x88, 0x89, 0x8A)
_LONGEST_CONTROL = 125


class PlainFrames:
    """The bytes of one connection, from the end of the handshake on (RFC 6455 §5.2). ``plain`` until something else came."""

    def __init__(self) -> None:
        self.plain = True
        self._rest = b""

    def feed(self, data: bytes, messages: list[bytes], control: Callable[[bytes], None]) -> bytes:
        """Append whole messages to ``messages``, and hand whole control frames to ``control``, in the order of their arrival.

        Gives the bytes that are for the library from here on; empty while all is plain.
        """
        if self._rest:
            data = self._rest + data
        position, size = 0, len(data)
        while size - position >= 2:
            first, length = data[position], data[position + 1]
            start = position + 2
            if length == 126:
                if size < start + 2:
                    break
                (length,) = struct.unpack_from("!H", data, start)
                start += 2
            elif length == 127:
                if size < start + 8:
                    break
                (length,) = struct.unpack_from("!Q", data, start)
                start += 8
            elif length > 127:
                return self._leave(data, position)
            end = start + length
            if first == _TEXT and length <= PLAIN_BYTES:
                if end > size:
                    break
                messages.append(data[start:end])
            elif first in _CONTROLS and length <= _LONGEST_CONTROL:
                if end > size:
                    break
                control(data[position:end])
            else:
                return self._leave(data, position)
            position = end
        self._rest = data[position:]
        return b""

    def _leave(self, data: bytes, position: int) -> bytes:
        self.plain = False
        self._rest = b""
        return data[position:]


class Handshake:
    """Finds where the head of the answer to a handshake ends, however it is cut."""

    def __init__(self) -> None:
        self._tail = b""

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """What belongs to the head, its end included, and what follows it."""
        seen = self._tail + data
        found = seen.find(b"\r\n\r\n")
        if found < 0:
            self._tail = seen[-3:]
            return data, b""
        end = found + 4 - len(self._tail)
        return data[:end], data[end:]
