"""Getting one call answered: turn, token, attempt, and again where that is safe."""

from __future__ import annotations

from typing import Protocol

import orjson

from reconciler.core.values import Secret
from reconciler.cxone.attempt import Http
from reconciler.cxone.limiter import Limiter
from reconciler.cxone.message import Answer, Call, Failure
from reconciler.cxone.retry import RATE_LIMITED, Decision, Deliver, GiveUp, Policy, Retry, Unknown, decide
from reconciler.cxone.status import looks_like, lost, refused, unknown
from reconciler.cxone.text import Redact
from reconciler.cxone.timing import Timing
from reconciler.errors import ReconcilerError

UNAUTHORIZED = 401
NOT_MODIFIED = 304
NO_CONTENT = 204

_DELIVER = Deliver()


class Bearers(Protocol):
    """Where tokens come from."""

    async def current(self) -> Secret:
        """Give a token that is good for now."""

    def due(self, token: Secret) -> bool:
        """Whether this token has come so near to its end, or past it, that it is not given any more."""

    def discard(self, token: Secret) -> None:
        """Forget this token: the API does not take it."""


class Sender:
    """Sends calls through one limiter, with one retry policy; ``redact`` cleans what servers say before it is shown."""

    def __init__(self, http: Http, limiter: Limiter, policy: Policy, timing: Timing, redact: Redact) -> None:
        self._http = http
        self._limiter = limiter
        self._policy = policy
        self._timing = timing
        self.redact = redact

    async def send(self, call: Call, bearers: Bearers | None = None) -> Answer:
        """Give the answer with a 2xx status, or 304 where the call asked conditionally, with its body parsed.

        Raises what `reconciler.cxone.status` makes of anything else. A 401 discards the token and is tried once more.
        """
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            token = await bearers.current() if bearers is not None else None
            outcome, decision = await self._attempt(call, token, attempt)
            if isinstance(outcome, Answer) and outcome.status == UNAUTHORIZED and bearers and token and not renewed:
                renewed = True
                bearers.discard(token)
            elif isinstance(decision, Retry):
                if not (decision.shared and call.authorized):
                    await self._timing.sleep(decision.delay)
            elif isinstance(outcome, Answer) and _is_good(call, outcome):
                return outcome
            else:
                raise self._error(call, outcome, decision) from (
                    outcome.cause if isinstance(outcome, Failure) else None
                )

    async def _attempt(self, call: Call, token: Secret | None, number: int) -> tuple[Answer | Failure, Decision]:
        """Make one attempt in its turn; token requests don't queue, as those in the queue wait for them."""
        if not call.authorized:
            outcome = _parsed(call, await self._http.attempt(call, token, number))
            return outcome, self._decide(call, outcome, number)
        async with self._limiter.slot() as sent_at:
            outcome = _parsed(call, await self._http.attempt(call, token, number))
            decision = self._decide(call, outcome, number)
            self._heed(outcome, decision, sent_at)
            return outcome, decision

    def _heed(self, outcome: Answer | Failure, decision: Decision, sent_at: float) -> None:
        """Let a pause that the server asks for hold back everybody, before this request's place goes to another."""
        if not isinstance(outcome, Answer):
            return
        if isinstance(decision, Retry) and decision.shared:
            if outcome.status == RATE_LIMITED:
                self._limiter.limited(sent_at, decision.delay)
            else:
                self._limiter.pause(decision.delay)
        elif outcome.status != RATE_LIMITED:
            self._limiter.succeeded()

    def _decide(self, call: Call, outcome: Answer | Failure, attempt: int) -> Decision:
        if isinstance(outcome, Answer) and outcome.success:
            return _DELIVER  # as `decide` has it, but chance is asked of the system, and most answers need none
        return decide(
            outcome,
            repeatable=call.may_repeat,
            attempt=attempt,
            policy=self._policy,
            wall=self._timing.wall(),
            chance=self._timing.chance(),
        )

    def _error(self, call: Call, outcome: Answer | Failure, decision: Decision) -> ReconcilerError:
        if isinstance(decision, Unknown):
            return unknown(call, outcome, redact=self.redact)
        why = decision.why if isinstance(decision, GiveUp) else ""
        if isinstance(outcome, Failure):
            return lost(call, outcome, why)
        return refused(call, outcome, why, self.redact)


def _is_good(call: Call, answer: Answer) -> bool:
    return answer.success or answer.status in call.expected or (answer.status == NOT_MODIFIED and call.conditional)


def _parsed(call: Call, outcome: Answer | Failure) -> Answer | Failure:
    """Parse the body of a success, once; one that cannot be parsed is as good as none, and broken JSON may be whole next time."""
    if isinstance(outcome, Failure) or not outcome.success or not call.wants_json or outcome.status == NO_CONTENT:
        return outcome
    try:
        value = orjson.loads(outcome.content)
        return Answer(outcome.status, outcome.headers, outcome.content, outcome.request_id, value)
    except orjson.JSONDecodeError as error:
        what = looks_like(outcome) if outcome.content else "an empty body"
        return Failure(
            f"the answer {outcome.status} came with {what}",
            sent=True,
            request_id=outcome.request_id,
            lasting=not outcome.is_json,
            status=outcome.status,
            cause=error,
        )
