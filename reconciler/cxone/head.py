"""What stands before a body on the wire (HTTP/1.1, RFC 9112 §2, §3, §5): where a request goes, its head, and an answer's fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from reconciler.cxone.exchange import Unsendable

_PORTS: Final = {"http": 80, "https": 443}
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

_PLAIN: Final = re.compile(
    r"(https?)://(127\.0\.0\.1|(?:[a-z0-9-]+\.)*[a-z0-9-]*[a-z])(?::([1-9][0-9]{3}|[1-5][0-9]{4}))?"
    r"(/(?:[A-Za-z0-9._~!$&()*+,;=:@/-]|%[0-9A-F]{2})*)(\?(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-F]{2})*)?"
)
"""Addresses that are in their usual form (RFC 3986 §6.2.2) already, as nearly all are."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""


@lru_cache(maxsize=1024)
def address_of(url: str) -> tuple[Origin, str, str]:
    """An address's server, the name for it in a request, and what is asked of it: most requests go to a few addresses.

    Raises `Unsendable`.
    """
    plain = _PLAIN.fullmatch(url)
    if plain is None or "/." in plain[4]:
        return _unusual(url)
    scheme, host, port, path, query = plain.groups(default="")
    if port:
        return (scheme, host, int(port)), f"{host}:{port}", path + query
    return (scheme, host, _PORTS[scheme]), host, path + query


def _unusual(url: str) -> tuple[Origin, str, str]:
    """The same for addresses that have to be brought into their usual form first, names beyond ASCII for one."""
    import httpx2 as httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Unsendable(str(error)) from error
    if parsed.scheme not in _PORTS or not parsed.host:
        raise Unsendable(f"{parsed.scheme}:// is no address of a server")
    origin = (parsed.scheme, parsed.raw_host.decode("ascii"), parsed.port or _PORTS[parsed.scheme])
    return origin, parsed.netloc.decode("ascii"), parsed.raw_path.decode("ascii")


def written(method: str, host: str, path: str, fields: Mapping[str, str], content: bytes) -> bytes:
    """A request as it goes over the wire, with the length of its content.

    Raises `Unsendable` for a field that would be more than one, or is not ASCII.
    """
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if content or method in _WITH_BODY:
        lines.append(f"Content-Length: {len(content)}")
    return b"%b\r\n\r\n%b" % (joined(lines), content)


def joined(lines: Sequence[str]) -> bytes:
    """The lines of a head. Raises `Unsendable` where one would be more than one, or is not ASCII."""
    text = "\r\n".join(lines)
    ends = max(len(lines) - 1, 0)
    if not text.isascii() or text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise Unsendable("a header holds a character that no header may hold")
    return text.encode("ascii")


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
