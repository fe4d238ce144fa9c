"""Reading an event stream for as long as the server has one: connected again whatever breaks, with a good token each time.

What ends it is the server's close with 1000, or an answer that waiting does not change: 401 for a fresh token, 403, 404, 409.
Everything else is tried again, with exponential backoff and full jitter, without end once there has been a connection.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from reconciler.core.values import Secret
from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.retry import GiveUp, Policy, Retry, backoff, decide
from reconciler.cxone.routes import label_of
from reconciler.cxone.sender import UNAUTHORIZED, Bearers
from reconciler.cxone.settings import TargetApi
from reconciler.cxone.status import lost, refused
from reconciler.cxone.text import Redact
from reconciler.cxone.timing import Timing
from reconciler.errors import ApiError, Conflict, NotSent, RateLimited, ServerFailed

if TYPE_CHECKING:
    from reconciler.cxone.stream_socket import Receiver

STREAM_PATH = "/data-actions/v1/stream/{id}"
"""Where a stream's WebSocket is (contract: Operations)."""

STREAM_SCOPES = ("data-actions:read",)
"""What reading a stream takes (contract: Tokens)."""

HEARTBEAT_SECONDS = 20.0
"""A connection that was silent for so long is asked for a sign of life …"""

PONG_SECONDS = 20.0
"""… and given up after so long without one."""

PRODUCTIVE_SECONDS = 10.0
"""A connection that lived so long, or brought any event, does not count as a failure when it ends."""

_PASSING = (NotSent, ServerFailed, RateLimited)


@dataclass(frozen=True, slots=True)
class StreamNews:
    """Something that happened to the connection.

    ``what``: connected, ended, failed; and renewing, where a connection that was good ended with its token, as they all do.
    """

    what: str
    text: str


class EventStream:
    """A stream's events in the order in which they arrive; one task at a time may read.

    ``url`` is the stream's, with the scheme of the target's (http or https). ``tell`` is told of connections and what became of
    them; texts hold no credentials.
    """

    def __init__(
        self,
        api: TargetApi,
        url: str,
        tokens: Bearers,
        *,
        timing: Timing,
        redact: Redact,
        tell: Callable[[StreamNews], None],
        policy: Policy | None = None,
    ) -> None:
        self._api = api
        self._call = Call("GET", url, label_of(url), scopes=STREAM_SCOPES)
        self._tokens = tokens
        self._timing = timing
        self._redact = redact
        self._tell = tell
        self._policy = policy or Policy(base=0.5, cap=30.0)
        self._socket: Receiver | None = None
        self._token: Secret | None = None
        self._attempt = 0
        self._productive = False
        self._connected_at = 0.0
        self.connections = 0

    async def connect(self) -> None:
        """Connect, where there is no connection; raises what `receive` raises."""
        if self._socket is None:
            await self._connect()

    async def receive(self) -> list[bytes] | None:
        """The messages that have arrived, at least one; None once the server has ended the stream.

        Cancelling it loses nothing: what has arrived is given by the next call, or by `leftover`. Raises an `ApiError` or
        `AuthenticationError` that waiting does not mend.
        """
        while True:
            if self._socket is None:
                await self._connect()
                assert self._socket is not None
            messages = self._socket.take()
            if messages:
                self._productive = True
                return messages
            if self._socket.over:
                if await self._ended(self._socket):
                    return None
                continue
            await self._wait(self._socket)

    def leftover(self) -> list[bytes]:
        """What had arrived when the stream was closed and was not given yet."""
        return self._socket.take() if self._socket is not None else []

    async def aclose(self) -> None:
        """Leave the stream; what arrives meanwhile is in `leftover`."""
        if self._socket is not None:
            with anyio.CancelScope(shield=True):
                await self._socket.close()

    async def _wait(self, socket: Receiver) -> None:
        with anyio.move_on_after(HEARTBEAT_SECONDS):
            await socket.news.wait()
            return
        if not await socket.is_alive(PONG_SECONDS) and not socket.over:
            self._tell(StreamNews("failed", "the server gives no sign of life"))
            socket.break_off()
            await socket.news.wait()

    async def _ended(self, socket: Receiver) -> bool:
        """Deal with a connection that is over; True where that is the end of the stream."""
        from reconciler.cxone.stream_socket import closed_by_token

        self._socket = None
        socket.let_go()
        code, reason = socket.ending
        if code == 1000:
            self._tell(StreamNews("ended", "the server has ended the stream"))
            return True
        by_token = closed_by_token(code)
        productive = self._productive or self._timing.monotonic() - self._connected_at > PRODUCTIVE_SECONDS
        expired = by_token and self._token is not None and self._tokens.due(self._token)
        if productive or expired:
            self._attempt = 0
        if by_token and self._token is not None:
            self._tokens.discard(self._token)
        if by_token and (productive or expired):
            self._tell(StreamNews("renewing", f"the token has expired ({code}), another one is asked for"))
            if not productive:  # tokens may live so shortly that nothing else keeps connections apart
                await self._timing.sleep(backoff(1, self._policy, self._timing.chance()))
            return False
        said = f"the connection ended with {code}" + (f" ({self._redact(reason)})" if reason else "")
        self._tell(StreamNews("failed", f"the token is no longer good ({code})" if by_token else said))
        await self._timing.sleep(backoff(self._attempt + 1, self._policy, self._timing.chance()))
        return False

    async def _connect(self) -> None:
        """Connect, trying again where that may help; raises where it does not."""
        from reconciler.cxone.stream_socket import Opening, Receiver, open_socket

        renewed = False
        while True:
            self._attempt += 1
            try:
                token = await self._tokens.current()
            except _PASSING as error:
                await self._later(error, Retry(backoff(self._attempt, self._policy, self._timing.chance())))
                continue
            request_id = str(uuid.uuid4())
            headers = {
                "Authorization": f"Bearer {token.reveal()}",
                "Accept": "application/json",
                "X-Request-Id": request_id,
            }
            outcome = await open_socket(self._api, Opening(self._call.url, headers, request_id))
            if isinstance(outcome, Receiver):
                self._begin(outcome, token)
                return
            if isinstance(outcome, Answer) and outcome.status == UNAUTHORIZED and not renewed:
                renewed = True
                self._tokens.discard(token)
                continue
            await self._judge(outcome)

    def _begin(self, socket: Receiver, token: Secret) -> None:
        self._socket, self._token = socket, token
        self._productive = False
        self._connected_at = self._timing.monotonic()
        self.connections += 1
        self._tell(StreamNews("connected", "connected" if self.connections == 1 else "connected again"))

    async def _judge(self, outcome: Answer | Failure) -> None:
        """Wait before the next attempt, or raise the error that there is no point in one."""
        decision = decide(
            outcome,
            repeatable=True,
            attempt=self._attempt,
            policy=self._policy,
            wall=self._timing.wall(),
            chance=self._timing.chance(),
        )
        why = decision.why if isinstance(decision, GiveUp) else ""
        error = (
            lost(self._call, outcome, why)
            if isinstance(outcome, Failure)
            else refused(self._call, outcome, why, self._redact)
        )
        if isinstance(outcome, Answer) and isinstance(error, Conflict):
            error.fix = "the stream is paused: write 'status: ACTIVE' in its manifest and apply"
        passing = isinstance(error, _PASSING)
        if passing and not isinstance(decision, Retry) and self.connections:
            decision = Retry(backoff(self._attempt, self._policy, self._timing.chance()))
        if not passing or not isinstance(decision, Retry):
            raise error from (outcome.cause if isinstance(outcome, Failure) else None)
        assert isinstance(error, ApiError)
        await self._later(error, decision)

    async def _later(self, error: ApiError, decision: Retry) -> None:
        """Wait for the next attempt; raises ``error`` where there was never a connection and patience is used up."""
        if not self.connections and self._attempt >= self._policy.attempts:
            raise error
        self._tell(StreamNews("failed", error.message))
        await self._timing.sleep(decision.delay)
