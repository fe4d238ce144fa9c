"""The content of manifests as bytes: what their digest is made of, whatever files and order they stand in."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

_OPTIONS = orjson.OPT_SORT_KEYS


def content_of(value: Any) -> bytes:
    """A document's value in one spelling. What JSON cannot hold (huge integers, other keys) is spelt by Python."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return _by_hand(value)


def _by_hand(value: Any) -> bytes:
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
    return text.encode("utf-8", "surrogatepass")


def digest_of(content: bytes) -> bytes:
    """The SHA-256 of one content (32 bytes)."""
    return hashlib.sha256(content).digest()


class Digest:
    """A SHA-256 over a set of contents, the same in any order."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        """Take in the digest of one more content."""
        self._parts.append(part)

    def hexdigest(self) -> str:
        """The digest of all, in hex."""
        return hashlib.sha256(b"".join(sorted(self._parts))).hexdigest()
