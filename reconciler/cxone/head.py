"""What stands before a body on the wire (HTTP/1.1, RFC 9112 §2, §3, §5): where a request goes, its head, and an answer's fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import httpx2 as httpx

_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Origin = tuple[str, str, int]
"""Scheme, host and port."""


def origin_of(url: httpx.URL) -> Origin:
    """Which server an address is on. Raises `httpx2.UnsupportedProtocol`."""
    if url.scheme not in _PORTS or not url.host:
        raise httpx.UnsupportedProtocol(f"{url.scheme}:// is no address of a server")
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]


@lru_cache(maxsize=1024)
def address_of(url: str) -> tuple[Origin, str, str]:
    """An address's server, the name for it in a request, and what is asked of it: most requests go to a few addresses.

    Raises `httpx2.InvalidURL`, `httpx2.UnsupportedProtocol`.
    """
    parsed = httpx.URL(url)
    return origin_of(parsed), parsed.netloc.decode("ascii"), parsed.raw_path.decode("ascii")


def written(method: str, host: str, path: str, fields: Mapping[str, str], content: bytes) -> bytes:
    """A request as it goes over the wire, with the length of its content.

    Raises `httpx2.LocalProtocolError` for a field that would be more than one, or is not ASCII.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if content or method in _WITH_BODY:
        lines.append(f"Content-Length: {len(content)}")
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if not text.isascii() or text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise httpx.LocalProtocolError("a header holds a character that no header may hold")
    return b"%b\r\n\r\n%b" % (text.encode("ascii"), content)


def merged(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """An answer's fields by lower-case names; what is said several times is joined by commas (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), _text(value)
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _text(value: bytes) -> str:
    """UTF-8, of which ASCII is a part, or what HTTP once was written in."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
