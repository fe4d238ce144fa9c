"""Telling failures of the network apart."""

from __future__ import annotations

import socket

from reconciler.cxone.attempt import _failure
from reconciler.cxone.exchange import Broken, ConnectTimeout, ExchangeError, NoAnswer, NotConnected


def raised(error: ExchangeError, cause: Exception) -> ExchangeError:
    try:
        raise error from cause
    except ExchangeError as caught:
        return caught


def test_a_name_that_does_not_exist_is_said_at_once() -> None:
    failure = _failure(raised(NotConnected("x"), socket.gaierror(socket.EAI_NONAME, "no such name")), "r")
    assert (failure.sent, failure.lasting) == (False, True)
    assert "host name is not known" in failure.reason


def test_a_name_service_that_is_busy_may_answer_later() -> None:
    failure = _failure(raised(NotConnected("x"), socket.gaierror(socket.EAI_AGAIN, "try again")), "r")
    assert (failure.sent, failure.lasting) == (False, False)


def test_a_proxy_is_the_first_suspect_where_nothing_answers() -> None:
    for error in (NotConnected("x"), ConnectTimeout("x")):
        assert _failure(error, "r", through_proxy=True).fix.startswith("check proxy of the target")
        assert _failure(error, "r").fix == ""
    assert _failure(NoAnswer("x"), "r", through_proxy=True).fix == ""


def test_what_a_server_put_into_a_reason_is_escaped() -> None:
    assert _failure(Broken("bad \x1b[2J line"), "r").reason.isprintable()
