"""Ids of resources: opaque, without an underscore, and in the order in which they were given out. Pure."""

from __future__ import annotations

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""32 letters in their ASCII order, so that encoded numbers sort as the numbers do."""

_DIGITS = 8
_FIRST_CREATED = 1 << 39
_SEED_BITS = 14
_INDEX_BITS = 24

MAX_SEEDED = (1 << _INDEX_BITS) - 1
"""Most resources of one kind that one seed may make."""


def _encode(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (_DIGITS - 1), -1, -5))


def encode_id(prefix: str, number: int) -> str:
    """Give the id of the ``number``-th resource that clients created."""
    return prefix + _encode(_FIRST_CREATED + number)


def seeded_id(prefix: str, seed: int, index: int) -> str:
    """Give the id of a seeded resource: the same for the same seed, apart from those of created ones."""
    return prefix + _encode((seed % (1 << _SEED_BITS)) << _INDEX_BITS | index)
