"""The check-up of what protects the way to a tenant."""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.engine.finding import Finding
from reconciler.errors import ReconcilerError
from reconciler.loading.project import Target

SUBJECT = "TLS"
SOON_DAYS = 30
"""Days before its expiry from which on a certificate is worth a warning."""


def check_tls(root: Path, target: Target, now: datetime) -> list[Finding]:
    """A line for each place that requests go to: the API, and the token endpoint where it is elsewhere."""
    if target.embedded:
        return [Finding("ok", SUBJECT, "not needed: the emulator is embedded")]
    ca_file = root / target.ca_file if target.ca_file else None
    places = {_place(url): url for url in (target.url, target.auth.url) if url}
    return [_look(target, url, ca_file, now) for url in places.values()]


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _look(target: Target, url: str, ca_file: Path | None, now: datetime) -> Finding:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if loopback(host):
            return Finding("ok", SUBJECT, f"plain HTTP on loopback ({host})")
        return Finding(
            "warn",
            SUBJECT,
            f"plain HTTP to {host}: tokens and data can be read and changed on the way",
            f"write https:// in spec.targets.{target.name}",
        )
    if target.proxy:
        return Finding("ok", SUBJECT, f"to {host} through a proxy: seen by the requests below alone")
    from reconciler.cxone.tls import look_at_tls

    try:
        seen = look_at_tls(target.name, host, parts.port or 443, ca_file)
    except ReconcilerError as error:
        return Finding("FAIL", SUBJECT, error.message, error.fix)
    days = (seen.expires - now).days
    message = f"{seen.protocol} with {host}, certificate good until {seen.expires:%Y-%m-%d} ({days} days)"
    if days < SOON_DAYS:
        return Finding("warn", SUBJECT, message, "have the certificate renewed")
    return Finding("ok", SUBJECT, message)


def loopback(host: str) -> bool:
    """Whether a host is this machine: requests to it never reach a network."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
