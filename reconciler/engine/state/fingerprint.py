"""Fingerprints of secrets: salted scrypt, so that a leaked ledger gives no value away to guessing at speed (RFC 7914)."""

from __future__ import annotations

import hashlib
import os
import secrets as random
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

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
        self._begun: dict[bytes, Future[str]] = {}

    def __call__(self, value: str) -> str:
        """The fingerprint (hex) of a value."""
        data, seen = self._seen(value)
        if seen not in self._known:
            begun = self._begun.pop(seen, None)
            self._known[seen] = self._hash(data) if begun is None else begun.result()
        return self._known[seen]

    def begin(self, values: Iterable[str]) -> None:
        """Start making the fingerprints of values that will be asked for, while the caller does something else.

        Hashing takes tens of milliseconds a value, and holds no lock of the interpreter.
        """
        found = {seen: data for data, seen in map(self._seen, values) if seen not in self._known}
        if not found:
            return
        pool = ThreadPoolExecutor(min(len(found), os.cpu_count() or 1), thread_name_prefix="fingerprint")
        self._begun |= {seen: pool.submit(self._hash, data) for seen, data in found.items()}
        pool.shutdown(wait=False)

    def _seen(self, value: str) -> tuple[bytes, bytes]:
        data = value.encode("utf-8", "surrogatepass")
        return data, hashlib.blake2b(data, key=self._key).digest()

    def _hash(self, data: bytes) -> str:
        return hashlib.scrypt(data, salt=self._salt, n=_COST, r=_BLOCK, p=1, dklen=_LENGTH).hex()


def provisional_salt(stack: str, target: str) -> str:
    """The salt (hex) of plans that are made before there is a ledger.

    It is the same on every machine, so that a saved plan's fingerprints can be checked when it is applied. It never gets into
    a ledger, whose own salt is random.
    """
    return hashlib.sha256(f"{stack}\0{target}".encode()).hexdigest()[:32]


def new_salt() -> str:
    """A fresh random salt (hex) for a new ledger."""
    return random.token_hex(16)
