"""How to get to a ledger on S3: its place from the project file, the rest from the standard AWS variables.

Credentials, region and endpoint are read by the library itself (``AWS_ACCESS_KEY_ID``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, web
identity, container and instance roles); none of them is ever held here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import S3Store

from reconciler.engine.state.s3_place import Place
from reconciler.errors import StorageError

_REGION = re.compile(r"[A-Za-z0-9-]{0,40}")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

CONNECT_SECONDS = 5
REQUEST_SECONDS = 30
"""Seconds until a request is given up: a ledger of 30,000 resources passes in them at 5 Mbit/s."""


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
