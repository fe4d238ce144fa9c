"""Fingerprints of secrets: salted scrypt, so that a leaked ledger gives no value away to guessing at speed (RFC 7914)."""

from __future__ import annotations

import hashlib
import secrets as random

_COST = 2**14
_BLOCK = 8
_LENGTH = 16


class Fingerprinter:
    """Makes fingerprints under one ledger's salt; each value is hashed once in a run.

    The memory of values seen is keyed by a hash under a key of this process, so that no value is held for longer than its
    owner holds it.
    """

    def __init__(self, salt: str) -> None:
        self._salt = bytes.fromhex(salt)
        self._key = random.token_bytes(32)
        self._known: dict[bytes, str] = {}

    def __call__(self, value: str) -> str:
        """The fingerprint (hex) of a value."""
        data = value.encode("utf-8", "surrogatepass")
        seen = hashlib.blake2b(data, key=self._key).digest()
        if seen not in self._known:
            mark = hashlib.scrypt(data, salt=self._salt, n=_COST, r=_BLOCK, p=1, dklen=_LENGTH)
            self._known[seen] = mark.hex()
        return self._known[seen]


def provisional_salt(stack: str, target: str) -> str:
    """The salt (hex) of plans that are made before there is a ledger.

    It is the same on every machine, so that a saved plan's fingerprints can be checked when it is applied. It never gets into
    a ledger, whose own salt is random.
    """
    return hashlib.sha256(f"{stack}\0{target}".encode()).hexdigest()[:32]


def new_salt() -> str:
    """A fresh random salt (hex) for a new ledger."""
    return random.token_hex(16)
