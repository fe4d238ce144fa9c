"""Whether a delivery to the webhook is the tenant's: an HMAC over the raw body, with its time (contract: Operations). Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

TIMESTAMP: Final = "x-cxone-timestamp"
DELIVERY: Final = "x-cxone-delivery"
SIGNATURE: Final = "x-cxone-signature"

TOLERANCE_SECONDS: Final = 300.0
"""How far a delivery's time may be from the receiver's clock, either way."""

_SECONDS: Final = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_MAX_DELIVERY: Final = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as its headers name it. ``mark`` stands for its signature: an identical delivery under another id has the same."""

    id: str
    mark: str


class Rejected(ValueError):
    """The delivery is not to be believed; the text says why, for our own log and never for the sender."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header of a delivery: ``sha256=`` and the hex HMAC-SHA256 of timestamp, a dot and the raw body."""
    digest = hmac.new(secret.encode(), timestamp.encode("latin-1") + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def check_headers(headers: Mapping[str, str], wall: float) -> None:
    """Refuse what can be refused before the body is read: headers that are missing or of another time than ``wall`` (Unix seconds).

    Raises `Rejected`.
    """
    for name in (TIMESTAMP, SIGNATURE):
        if not headers.get(name):
            raise Rejected(f"it has no {name}")
    if len(headers.get(DELIVERY, "")) > _MAX_DELIVERY:
        raise Rejected("its delivery id is too long")
    moment = _moment(headers[TIMESTAMP])
    if moment is None:
        raise Rejected("its timestamp is none")
    if abs(moment - wall) > TOLERANCE_SECONDS:
        raise Rejected(f"its timestamp is {abs(moment - wall):,.0f} s off")


def verify(secret: str, headers: Mapping[str, str], body: bytes, wall: float) -> Delivery:
    """Give the delivery that these headers and this body are; raises `Rejected` unless the secret's holder made it just now."""
    check_headers(headers, wall)
    expected = sign(secret, headers[TIMESTAMP], body)
    given = headers[SIGNATURE].encode("latin-1", "replace")
    if not hmac.compare_digest(expected.encode(), given):
        raise Rejected("its signature does not fit")
    return Delivery(headers.get(DELIVERY, ""), expected.removeprefix("sha256="))


def _moment(text: str) -> float | None:
    """Unix seconds of a timestamp: a number of seconds, or RFC 3339."""
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
