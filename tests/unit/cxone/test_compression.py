"""Answers that are compressed come out as they were, whole or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone import compression
from reconciler.cxone.compression import expanded
from reconciler.cxone.exchange import Broken, TooLarge

LARGE = 2**30


def raw(body: bytes) -> bytes:
    """Deflate without a header around it, as some servers send it."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(body) + deflate.flush()


def members(body: bytes) -> bytes:
    return gzip.compress(body[:7]) + gzip.compress(body[7:])


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "several members": ("GZIP", members),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw),
    "twice": ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
    "not at all": ("identity", lambda body: body),
}


@given(st.sampled_from(sorted(WAYS)), st.binary(max_size=300), st.integers(1, 40))
def test_what_was_compressed_comes_back(way: str, unit: bytes, times: int) -> None:
    encoding, compress = WAYS[way]
    assert expanded(200, encoding, compress(unit * times), LARGE) == unit * times


@pytest.mark.parametrize("way", [way for way in sorted(WAYS) if way != "not at all"])
def test_what_is_cut_off_or_damaged_is_no_answer(way: str) -> None:
    encoding, compress = WAYS[way]
    whole = compress(bytes(range(256)) * 20)
    for cut in {1, len(whole) // 2, len(whole) - 9, len(whole) - 1}:
        with pytest.raises(Broken):
            expanded(200, encoding, whole[:cut], LARGE)


@pytest.mark.parametrize("size", [10, compression._PIECE - 1, compression._PIECE, compression._PIECE * 3 + 5])
def test_bounds_are_those_of_what_comes_out(size: int) -> None:
    body = gzip.compress(b"a" * size)
    assert expanded(200, "gzip", body, size) == b"a" * size
    with pytest.raises(TooLarge):
        expanded(200, "gzip", body, size - 1)
    with pytest.raises(TooLarge):
        expanded(200, "gzip", body + gzip.compress(b"b"), size)


def test_no_answer_is_made_of_thousands_of_parts() -> None:
    """Each of them would copy all that follows."""
    with pytest.raises(Broken, match="far too many"):
        expanded(200, "gzip", gzip.compress(b"") * 1000, LARGE)


def test_what_nobody_asked_for_is_no_answer() -> None:
    with pytest.raises(Broken, match="not asked for"):
        expanded(200, "br", b"x", LARGE)
    with pytest.raises(Broken, match="cannot be expanded"):
        expanded(200, "gzip", b"plain", LARGE)


def test_an_answer_without_a_body_needs_none() -> None:
    assert expanded(204, "gzip", b"", LARGE) == b""
    assert expanded(204, "deflate", b"", LARGE) == b""
