"""Where a ledger on S3 is, as the project file says it; needs no library that talks to one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reconciler.errors import InvalidProject

LEASE_SECONDS = 60.0
"""Seconds that a lease lasts unless its URL says otherwise: how long a machine that died keeps others waiting."""

_SHORTEST, _LONGEST = 2.0, 3600.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SEGMENT = re.compile(r"[A-Za-z0-9!_.*'()=+@-]+")


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
