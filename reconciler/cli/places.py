"""Where a command serves something: ``[HOST:]PORT``, on this machine unless a host is named."""

from __future__ import annotations

from reconciler.errors import UsageError


def take_place(text: str | None, option: str = "--metrics-port") -> tuple[str, int] | None:
    """Read ``[HOST:]PORT``; None where the option was not given. Raises `UsageError`."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise UsageError(f"{option} {text}: write PORT or HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)
