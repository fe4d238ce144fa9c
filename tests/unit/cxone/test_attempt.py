"""Telling failures of the network apart."""

from __future__ import annotations

import socket

import httpx2 as httpx
import pytest

from reconciler.cxone.attempt import _failure


def raised(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def test_a_name_that_does_not_exist_is_said_at_once() -> None:
    failure = _failure(raised(httpx.ConnectError("x"), socket.gaierror(socket.EAI_NONAME, "no such name")), "r")
    assert (failure.sent, failure.lasting) == (False, True)
    assert "host name is not known" in failure.reason


def test_a_name_service_that_is_busy_may_answer_later() -> None:
    failure = _failure(raised(httpx.ConnectError("x"), socket.gaierror(socket.EAI_AGAIN, "try again")), "r")
    assert (failure.sent, failure.lasting) == (False, False)


def test_a_proxy_is_the_first_suspect_where_nothing_answers() -> None:
    for error in (httpx.ConnectError("x"), httpx.ConnectTimeout("x")):
        assert _failure(error, "r", through_proxy=True).fix.startswith("check proxy of the target")
        assert _failure(error, "r").fix == ""
    assert _failure(httpx.ReadTimeout("x"), "r", through_proxy=True).fix == ""


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (httpx.ConnectError("x"), False),
        (httpx.ConnectTimeout("x"), False),
        (httpx.PoolTimeout("x"), False),
        (httpx.ProxyError("x"), False),
        (httpx.LocalProtocolError("x"), False),
        (httpx.UnsupportedProtocol("x"), False),
        (httpx.InvalidURL("x"), False),
        (httpx.ReadTimeout("x"), True),
        (httpx.WriteTimeout("x"), True),
        (httpx.ReadError("x"), True),
        (httpx.WriteError("x"), True),
        (httpx.RemoteProtocolError("x"), True),
        (httpx.DecodingError("x"), True),
    ],
)
def test_only_what_surely_never_left_counts_as_not_sent(error: Exception, sent: bool) -> None:
    assert _failure(error, "r").sent is sent


def test_what_a_server_put_into_a_reason_is_escaped() -> None:
    assert _failure(httpx.RemoteProtocolError("bad \x1b[2J line"), "r").reason.isprintable()
