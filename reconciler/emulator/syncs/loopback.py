"""Which addresses the emulator calls: those of this machine alone (contract: The emulator's own controls)."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from reconciler.emulator.errors import ApiError, Problem
from reconciler.emulator.fields import Text

URL = Text(1, 2048, r"https?://[!-~]+", "must be an http or https URL", format="uri")
"""An address as a body may name it; which ones are called is decided by `refusal`."""


def refusal(url: str) -> str | None:
    """Say why a URL is not called, None where it is: plain HTTP to a loopback address, and nothing hidden in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme != "http":
        return "is not called: the emulator speaks plain http only"
    if parts.username is not None or parts.password is not None or "\\" in parts.netloc:
        return "is not called: it holds a user, or what looks like one"
    if not _is_loopback(host or ""):
        return f"is not called: {host or 'it'} is no loopback address, and the emulator calls nothing else"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(field: str, url: str) -> None:
    """Raise the 422 for a URL that is not called."""
    reason = refusal(url)
    if reason is not None:
        problem = Problem(field, reason)
        raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "ADDRESS_REFUSED", f"{field} {reason}", [problem])
