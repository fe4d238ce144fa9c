"""Remembers which manifests were found good by themselves, so that they are not judged again while they stay as they are.

A manifest is remembered by the SHA-256 of its content, and only if what was found of it follows from that content alone: without
expressions, files of its own, patches from elsewhere, or a look at other manifests. What it refers to is looked at every time.
One file holds all digests: a magic line that names what they are valid under, the BLAKE2b digest of the rest, and the rest.
Anything that does not read back as this is ignored and written anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from reconciler import __version__
from reconciler.loading.atomic import write_atomically
from reconciler.loading.private import make_private

FORMAT: Final = 1
"""Changes whenever the same manifest would be judged otherwise although the tool's version stays."""

SPARE: Final = 10_000
"""How many that the latest run did not use are remembered in any case; beyond, as many as it used: every run reads all of them."""

_SIZE: Final = 32
_CHECK: Final = 16


class Approved:
    """The digests of one project, usually in ``.reconciler/cache/``; ``under`` is what else decides (targets, kinds).

    A store that cannot be read or written is no error.
    """

    def __init__(self, folder: Path, under: Iterable[str]) -> None:
        self._path = folder / "approved"
        decides = blake2b("\0".join(under).encode("utf-8", "surrogatepass"), digest_size=_CHECK).hexdigest()
        self._magic = f"reconciler approved {FORMAT} {__version__} {decides}\n".encode()
        self._known = self._read()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._known

    def __len__(self) -> int:
        return len(self._known)

    def store(self, used: Iterable[bytes], fresh: Iterable[bytes]) -> None:
        """Remember ``fresh`` digests besides; ``used`` are those of this run that were known already."""
        new = frozenset(fresh) - self._known
        if not new:
            return
        current = frozenset(used) | new
        self._known |= new
        if len(self._known) > len(current) + max(SPARE, len(current)):
            self._known = current
        with contextlib.suppress(OSError):
            self._write()

    def _read(self) -> frozenset[bytes]:
        try:
            data = self._path.read_bytes()
        except OSError:
            return frozenset()
        begin = len(self._magic) + _CHECK
        body = data[begin:]
        if not data.startswith(self._magic) or len(body) % _SIZE or data[begin - _CHECK : begin] != _check(body):
            return frozenset()
        return frozenset(body[place : place + _SIZE] for place in range(0, len(body), _SIZE))

    def _write(self) -> None:
        body = b"".join(sorted(self._known))
        make_private(self._path.parent)
        write_atomically(self._path, (self._magic, _check(body), body))


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK).digest()
