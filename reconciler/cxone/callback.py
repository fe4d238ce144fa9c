"""Telling somebody else's service that something ended: one POST, a few seconds, and never a failure of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import orjson

from reconciler import __version__
from reconciler.cxone.text import escape

CALLBACK_SECONDS = 5.0
"""How long the service has to answer (contract: client-side behaviour)."""


async def call_back(url: str, body: Mapping[str, Any], *, seconds: float = CALLBACK_SECONDS) -> str:
    """POST a JSON body; gives what went wrong in a few words, empty where the answer was 2xx.

    The words name the host alone: paths and queries of such addresses hold keys often enough. Nothing is taken from the
    environment, and redirects are not followed.
    """
    import anyio

    host = escape(urlsplit(url).hostname or "", 100)
    headers = {"Content-Type": "application/json", "User-Agent": f"reconciler/{__version__}"}
    try:
        with anyio.fail_after(seconds if math.isfinite(seconds) else None):
            async with httpx.AsyncClient(trust_env=False, timeout=seconds) as client:
                answer = await client.post(url, content=orjson.dumps(body), headers=headers)
    except TimeoutError:
        return f"{host} did not answer within {seconds:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"{host} is out of reach ({type(error).__name__})"
    return "" if answer.is_success else f"{host} answered {answer.status_code}"
