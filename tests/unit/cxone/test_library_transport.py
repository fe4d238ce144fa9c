"""Exchanges by way of httpx2: its errors as this layer tells them."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from reconciler.cxone.exchange import (
    Broken,
    ConnectTimeout,
    ExchangeError,
    NoAnswer,
    NotConnected,
    RefusedByProxy,
    Seconds,
    Unsendable,
)
from reconciler.cxone.library_transport import LibraryTransport
from tests.support.cxone import in_loop


class Failing(httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error


@pytest.mark.parametrize(
    ("error", "told", "sent"),
    [
        (httpx.ConnectError("x"), NotConnected, False),
        (httpx.ConnectTimeout("x"), ConnectTimeout, False),
        (httpx.PoolTimeout("x"), ConnectTimeout, False),
        (httpx.ProxyError("x"), RefusedByProxy, False),
        (httpx.LocalProtocolError("x"), Unsendable, False),
        (httpx.UnsupportedProtocol("x"), Unsendable, False),
        (httpx.InvalidURL("x"), Unsendable, False),
        (httpx.ReadTimeout("x"), NoAnswer, True),
        (httpx.WriteTimeout("x"), NoAnswer, True),
        (httpx.ReadError("x"), Broken, True),
        (httpx.WriteError("x"), Broken, True),
        (httpx.RemoteProtocolError("x"), Broken, True),
        (httpx.DecodingError("x"), Broken, True),
    ],
)
@in_loop
async def test_only_what_surely_never_left_counts_as_not_sent(
    error: Exception, told: type[ExchangeError], sent: bool
) -> None:
    with pytest.raises(ExchangeError) as caught:
        await LibraryTransport(Failing(error)).fetch("GET", "http://x/", {}, b"", Seconds(1, 1, 1), 1)
    assert (type(caught.value), caught.value.sent, caught.value.__cause__) == (told, sent, error)


@pytest.mark.parametrize("value", ["a\r\nx-other: b", "a\nb", "a\0b", "ü"])
@in_loop
async def test_a_header_that_no_request_may_hold_is_not_sent(value: str) -> None:
    transport = LibraryTransport(Failing(AssertionError("it was sent")))
    with pytest.raises(Unsendable):
        await transport.fetch("GET", "http://x/", {"x-one": value}, b"", Seconds(1, 1, 1), 1)
