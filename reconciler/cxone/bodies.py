"""Bodies of requests: what may be sent, and what it is called on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
"""The media type of a merge patch (RFC 7396 §4)."""

Body = Mapping[str, Any] | bytes
"""JSON to be, or bytes that are JSON already."""


def encode(body: Body) -> bytes:
    """Write a request body; bytes are taken as ready JSON. Raises TypeError for what is no JSON, secrets above all."""
    return body if isinstance(body, bytes) else orjson.dumps(body)
