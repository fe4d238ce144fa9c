"""One attempt at one request: send it, read the answer within bounds, tell what kind of failure a failure is."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable

import anyio

from reconciler.core.values import Secret
from reconciler.cxone.exchange import (
    ConnectTimeout,
    ExchangeError,
    NoAnswer,
    NotConnected,
    NoTls,
    RefusedByProxy,
    TooLarge,
    Transport,
    Unsendable,
)
from reconciler.cxone.lasting import lasting_cause
from reconciler.cxone.message import Answer, Call, Failure, OnExchange, OnRequest, RequestRecord
from reconciler.cxone.settings import TargetApi
from reconciler.cxone.text import escape
from reconciler.cxone.timing import Timing
from reconciler.cxone.transport import HEADERS, timeouts_of

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Largest answer that is read, decompressed."""

WHOLE_ANSWER = 20.0
"""How many times the target's timeout an exchange may take as a whole; the timeout itself is for each silence in it."""


class Http:
    """Makes attempts and counts them: ``methods`` by method, token requests apart in ``token_requests``.

    ``may_write`` is asked before every attempt at a write, and raises where none may leave any more.
    """

    def __init__(
        self,
        api: TargetApi,
        transport: Transport,
        timing: Timing,
        on_request: OnRequest | None,
        on_exchange: OnExchange | None = None,
    ) -> None:
        self._api = api
        self._transport = transport
        self._seconds = timeouts_of(api)
        self._timing = timing
        self._on_request = on_request
        self._on_exchange = on_exchange
        self.methods: Counter[str] = Counter()
        self.token_requests = 0
        self.may_write: Callable[[], None] = lambda: None

    async def attempt(self, call: Call, bearer: Secret | None, number: int) -> Answer | Failure:
        """Make attempt ``number`` (from 1) and report it; raises `WriteRefused`, what ``may_write`` does, and nothing else."""
        if call.authorized and call.method not in ("GET", "HEAD"):
            self.may_write()
        request_id = str(uuid.uuid4())
        headers = {**call.headers, "X-Request-Id": request_id}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer.reveal()}"
        started = self._timing.monotonic()
        outcome = await self._exchange(call, headers, request_id)
        if call.authorized:
            self.methods[call.method] += 1
        else:
            self.token_requests += 1
        if self._on_request is not None:
            self._on_request(_record(call, outcome, self._timing.monotonic() - started, number))
        if self._on_exchange is not None:
            self._on_exchange(call, headers, outcome)
        return outcome

    async def _exchange(self, call: Call, headers: dict[str, str], request_id: str) -> Answer | Failure:
        try:
            with anyio.fail_after(self._api.timeout_seconds * WHOLE_ANSWER):
                status, found, content = await self._transport.fetch(
                    call.method, call.url, {**HEADERS, **headers}, call.content or b"", self._seconds, MAX_ANSWER_BYTES
                )
        except TimeoutError:
            return Failure("its answer was not whole in time", sent=True, request_id=request_id)
        except TooLarge as error:
            reason = f"its answer is larger than {MAX_ANSWER_BYTES} bytes"
            return Failure(reason, sent=True, request_id=request_id, lasting=True, status=error.status)
        except ExchangeError as error:
            return _failure(error, request_id, through_proxy=bool(self._api.proxy))
        echoed = found.get("x-request-id", "")
        usable = echoed and len(echoed) <= 128 and echoed.isprintable()
        return Answer(status, found, content, echoed if usable else request_id)


def _record(call: Call, outcome: Answer | Failure, seconds: float, number: int) -> RequestRecord:
    if isinstance(outcome, Answer):
        date = outcome.headers.get("date", "")
        return RequestRecord(call.method, call.label, outcome.status, outcome.request_id, seconds, number, date=date)
    return RequestRecord(call.method, call.label, None, outcome.request_id, seconds, number, outcome.reason)


def _failure(error: ExchangeError, request_id: str, *, through_proxy: bool = False) -> Failure:
    """Say what went wrong, whether the request can have reached the server, and whether trying again can help."""
    lasting, reason, fix = _lasting(error)
    if through_proxy and not fix and isinstance(error, NotConnected):
        fix = "check proxy of the target: that is where connections go first"
    elif isinstance(error, NoTls):
        fix = "check scheme and port of url"
    return Failure(
        reason or _reason(error), sent=error.sent, request_id=request_id, lasting=lasting, fix=fix, cause=error
    )


def _lasting(error: ExchangeError) -> tuple[bool, str, str]:
    """Recognise what no further attempt mends: (it is so, reason, fix)."""
    found = lasting_cause(error, connecting=isinstance(error, NotConnected))
    if found is not None:
        return True, *found
    if isinstance(error, RefusedByProxy):
        return True, f"the proxy refuses: {escape(str(error))}", "check proxy, and what the proxy lets through"
    if isinstance(error, Unsendable):
        return (
            True,
            f"the request cannot be written: {escape(str(error))}",
            "check url, paths and credentials of the target",
        )
    return False, "", ""


def _reason(error: ExchangeError) -> str:
    if isinstance(error, ConnectTimeout):
        return "no connection was made in time"
    if isinstance(error, NoAnswer):
        return "no answer came in time"
    text = escape(str(error) or type(error).__name__)
    return (
        f"no connection could be made ({text})" if isinstance(error, NotConnected) else f"the connection broke ({text})"
    )
