"""The files that hold what is remembered of one target, in ``.reconciler/cache/``: what the project means, and what was settled.

Their layout: a magic line, the BLAKE2b digest of all that follows, the length of the head, the head and the body (both JSON). The
head says under which conditions the body stands. Anything that does not read back as this is ignored and written anew.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import orjson

from reconciler import __version__
from reconciler.engine.memory.resources import STRICT
from reconciler.loading.atomic import write_atomically
from reconciler.loading.private import make_private

FORMAT: Final = 2
"""Changes whenever the same manifests would mean something else although the tool's version stays, or the layout changes."""

MAX_BYTES: Final = 128 * 1024 * 1024
"""How large the file may be; what a larger project means is not remembered."""

_MAGIC: Final = f"reconciler memory {FORMAT} {__version__}\n".encode()
_LENGTH: Final = struct.Struct("<Q")
_SIZE: Final = 32


def place_of(folder: Path, target: str, what: str = "meaning") -> Path:
    """The file of one target for ``what`` is remembered; a target's name may hold whatever it likes."""
    return folder / f"{what}-{digest_of(target.encode('utf-8', 'surrogatepass')).hex()[:16]}"


def digest_of(content: bytes | memoryview) -> bytes:
    """What identifies a content (32 bytes)."""
    return blake2b(content, digest_size=_SIZE).digest()


class Stored:
    """What was read: the head at once, the body when it is asked for. ``digest`` identifies both."""

    def __init__(self, digest: bytes, head: dict[str, Any], body: memoryview) -> None:
        self.digest = digest
        self.head = head
        self._body = body

    def body(self) -> dict[str, Any]:
        """The body; raises `ValueError` where it is none."""
        found: dict[str, Any] = orjson.loads(self._body)
        return found


def read(path: Path) -> Stored | None:
    """The file's content; None where there is none that is whole."""
    try:
        data = memoryview(path.read_bytes())
    except OSError:
        return None
    begin = len(_MAGIC) + _SIZE
    rest = data[begin:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : begin] != digest_of(rest):
        return None
    with suppress(struct.error, ValueError):
        (length,) = _LENGTH.unpack_from(rest)
        cut = _LENGTH.size + length
        head = orjson.loads(rest[_LENGTH.size : cut])
        if isinstance(head, dict):
            return Stored(bytes(data[len(_MAGIC) : begin]), head, rest[cut:])
    return None


def write(path: Path, head: dict[str, Any], body: dict[str, Any]) -> bytes:
    """Replace the file; only its owner may read it. Returns the digest, empty where it was too large to be kept.

    Raises `OSError`, and `TypeError` for what JSON cannot hold.
    """
    first = orjson.dumps(head, option=STRICT)
    rest = b"".join((_LENGTH.pack(len(first)), first, orjson.dumps(body, option=STRICT)))
    if len(rest) > MAX_BYTES:
        return b""
    make_private(path.parent)
    digest = digest_of(rest)
    write_atomically(path, (_MAGIC, digest, rest))
    return digest
