"""Where a ledger on S3 is, and how to get there: its URL from the project file, the rest from the standard AWS variables.

Credentials, region and endpoint are read by the library itself (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, web
identity, container and instance roles); none of them is ever held here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from reconciler.errors import InvalidProject, StorageError

LEASE_SECONDS = 60.0
"""Seconds that a lease lasts unless its URL says otherwise: how long a machine that died keeps others waiting."""

_SHORTEST, _LONGEST = 2.0, 3600.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()=+@-]+")
_REGION = re.compile(r"[A-Za-z0-9-]{0,40}")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

CONNECT_SECONDS = 5
REQUEST_SECONDS = 30
"""Seconds until a request is given up: a ledger of 30,000 resources passes in them at 5 Mbit/s."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, the folder in it, and how many seconds leases last there."""

    bucket: str
    prefix: str
    lease_seconds: float = LEASE_SECONDS

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def parse_place(url: str, target: str) -> Place:
    """Read ``s3://bucket/prefix?lease=SECONDS``; raises `InvalidProject`, never with the URL in it: it may hold credentials."""

    def wrong(what: str) -> InvalidProject:
        return InvalidProject(f"the ledger of target {target} {what}", fix=f"write ledger: s3://bucket/{target}")

    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise wrong("is not an s3:// URL") from error
    if "@" in parts.netloc:
        raise wrong("holds credentials; they belong into the environment")
    if parts.fragment or not _BUCKET.fullmatch(parts.netloc):
        raise wrong("names no S3 bucket")
    segments = parts.path.strip("/").split("/") if parts.path.strip("/") else []
    if any(not _SEGMENT.fullmatch(item) or item in (".", "..") for item in segments):
        raise wrong("has a folder that is not made of plain letters")
    if options.keys() - {"lease"}:
        raise wrong(f"has an option that is not known: {', '.join(sorted(options.keys() - {'lease'}))}")
    return Place(parts.netloc, "/".join(segments), _seconds(options.get("lease"), wrong))


def _seconds(text: str | None, wrong: Any) -> float:
    if text is None:
        return LEASE_SECONDS
    if not re.fullmatch(r"[0-9]{1,4}", text) or not _SHORTEST <= float(text) <= _LONGEST:
        raise wrong(f"has a lease that is not {_SHORTEST:.0f} to {_LONGEST:.0f} seconds")
    return float(text)


def connect(place: Place, environ: Mapping[str, str]) -> S3Store:
    """The bucket's folder, not yet asked for anything.

    Raises `StorageError` for an endpoint that would send credentials over a network in plain text, or for settings that the
    library refuses.
    """
    _check_region(environ)
    options: dict[str, Any] = {
        "allow_http": _plain_http(environ),
        "connect_timeout": f"{CONNECT_SECONDS}s",
        "timeout": f"{REQUEST_SECONDS}s",
    } | _authorities(environ)
    try:
        return S3Store(
            place.bucket,
            prefix=place.prefix or None,
            client_options=options,  # type: ignore[arg-type]
            retry_config={
                "max_retries": 4,
                "retry_timeout": timedelta(seconds=REQUEST_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError, TypeError) as error:
        raise StorageError(
            f"{place} cannot be used with the AWS_ variables of the environment",
            fix="check AWS_ENDPOINT_URL and AWS_REGION, and that no other AWS_ variable is misspelt",
        ) from error


def _plain_http(environ: Mapping[str, str]) -> bool:
    """Whether the endpoint is plain HTTP on this machine; raises `StorageError` where it is on another, or no URL at all."""
    name = next((item for item in _ENDPOINTS if environ.get(item)), "")
    if not name:
        return False
    try:
        parts = urlsplit(environ[name])
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StorageError(f"{name} is not a URL that can be used", fix="write https://host")
    if parts.scheme == "https":
        return False
    if not _loopback(parts.hostname):
        raise StorageError(
            f"{name} is plain http to {parts.hostname}: credentials and ledger could be read and changed on the way",
            fix="write https:// there (http:// only for this machine); a private authority goes into AWS_CA_BUNDLE",
        )
    return True


def _check_region(environ: Mapping[str, str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if not _REGION.fullmatch(environ.get(name, "")):
            raise StorageError(f"{name} is not a region's name", fix="write one such as eu-west-1")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _authorities(environ: Mapping[str, str]) -> dict[str, Any]:
    """The certificate authorities that ``AWS_CA_BUNDLE`` names, besides the system's."""
    name = environ.get("AWS_CA_BUNDLE", "")
    if not name:
        return {}
    try:
        return {"root_certificate": Path(name).read_bytes()}
    except OSError as error:
        raise StorageError(
            f"AWS_CA_BUNDLE cannot be read: {error.strerror}", fix="let it name a readable PEM file, or unset it"
        ) from error
