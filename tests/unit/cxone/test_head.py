"""Where a request goes, and what stands before its body."""

from __future__ import annotations

import httpx2 as httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.cxone.exchange import Unsendable
from reconciler.cxone.head import Origin, address_of, merged, written

PARTS = st.lists(
    st.sampled_from([*"/?%.:@[]#&=+'\"~ aZ0", "..", "%2f", "%2F", "%zz", "é", "v1", "//", "/./", "name=a b", "\x7f"]),
    max_size=8,
).map("".join)
HOSTS = st.sampled_from(
    [
        "127.0.0.1",
        "localhost",
        "api.example.com",
        "API.Example.com",
        "bücher.example",
        "[::1]",
        "10.0.0.300",
        "a_b.c",
        "",
    ]
)
PORTS = st.sampled_from(["", ":80", ":443", ":8080", ":65535", ":65536", ":08080", ":x", ":"])


def by_library(url: str) -> tuple[Origin, str, str] | None:
    """What httpx2 makes of an address; None where it is none."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return None
    port = parsed.port or {"http": 80, "https": 443}[parsed.scheme]
    origin = (parsed.scheme, parsed.raw_host.decode(), port)
    return origin, parsed.netloc.decode(), parsed.raw_path.decode()


@given(st.sampled_from(["http", "https", "ftp", "HTTP"]), HOSTS, PORTS, PARTS)
@example("http", "127.0.0.1", ":8080", "/a/../b")
@example("https", "api.example.com", "", "/v1/a%2Fb?name=c%20d&x='")
@example("https", "api.example.com", ":443", "/")
@example("https", "api.example.com", "", "")
@example("https", "api.example.com", "", "?x")
@example("http", "user@localhost", "", "/")
@example("http", "localhost", "", "/a#b")
def test_an_address_is_read_as_the_library_reads_it(scheme: str, host: str, port: str, rest: str) -> None:
    url = f"{scheme}://{host}{port}{rest}"
    expected = by_library(url)
    if expected is None:
        with pytest.raises(Unsendable):
            address_of(url)
    else:
        assert address_of(url) == expected


def test_what_was_said_several_times_is_joined() -> None:
    fields = [(b"ETag", b'"a"'), (b"vary", b"x"), (b"Vary", b"y"), (b"name", "ü".encode()), (b"old", b"\xfc")]
    assert merged(fields) == {"etag": '"a"', "vary": "x, y", "name": "ü", "old": "ü"}


def test_a_request_says_how_long_its_content_is() -> None:
    whole = b"POST /p HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 2\r\n\r\nxy"
    assert written("POST", "h", "/p", {"A": "b"}, b"xy") == whole
    assert written("POST", "h", "/p", {}, b"").endswith(b"Content-Length: 0\r\n\r\n")
    assert b"Content-Length" not in written("GET", "h", "/p", {}, b"")
