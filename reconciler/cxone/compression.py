"""Answers that are compressed (RFC 9110 §8.4), expanded within bounds; one that was cut off is none."""

from __future__ import annotations

import zlib
from typing import Final

from reconciler.cxone.exchange import Broken, TooLarge

_GZIP: Final = 16 + zlib.MAX_WBITS
_MOST_MEMBERS: Final = 16
_PIECE: Final = 1024 * 1024


def expanded(status: int, encoding: str, body: bytes, most: int) -> bytes:
    """A body as it was before it was compressed; ``encoding`` is what ``Content-Encoding`` says.

    Raises `TooLarge` where that is more than ``most`` bytes, and `Broken` for what is cut off, or not what it is said to be.
    """
    for name in reversed([item.strip().lower() for item in encoding.split(",")]):
        try:
            if name in ("gzip", "x-gzip"):
                body = _members(status, body, most)
            elif name == "deflate":
                # What is meant has a zlib header; what some servers send has none.
                headed = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
                body, _ = _stream(status, body, most, zlib.MAX_WBITS if headed else -zlib.MAX_WBITS)
            elif name not in ("", "identity"):
                raise Broken("the answer is compressed in a way that was not asked for")
        except zlib.error as error:
            raise Broken(f"the answer cannot be expanded: {error}") from error
    return body


def _members(status: int, body: bytes, most: int) -> bytes:
    """A gzip file: one member after the other (RFC 1952 §2.2)."""
    found = b""
    for _ in range(_MOST_MEMBERS):
        piece, body = _stream(status, body, most - len(found), _GZIP)
        found += piece
        if not body:
            return found
    raise Broken("the answer is compressed in far too many parts")


def _stream(status: int, body: bytes, most: int, bits: int) -> tuple[bytes, bytes]:
    """One compressed stream: what it holds, and what follows it."""
    if not body:
        return b"", b""
    inflate = zlib.decompressobj(bits)
    pieces = [inflate.decompress(body, _PIECE)]
    size = len(pieces[0])
    while size <= most and not inflate.eof and (inflate.unconsumed_tail or len(pieces[-1]) == _PIECE):
        pieces.append(inflate.decompress(inflate.unconsumed_tail, _PIECE))
        size += len(pieces[-1])
    if size > most:
        raise TooLarge(status)
    if not inflate.eof:
        raise Broken("the answer was cut off")
    return b"".join(pieces), inflate.unused_data
