"""Whether a request that did not succeed is sent again, and when. Pure: time and chance are handed in.

The rule that everything above relies on: **a write is sent again only when the server surely did not process it** (it was
never sent, or it was answered 429, or 503 with ``Retry-After``). A write whose answer is lost or says nothing certain ends in
`Unknown`; what becomes of it is the engine's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from reconciler.cxone.message import Answer, Failure

RATE_LIMITED = 429
UNAVAILABLE = 503
_DEFINITE = frozenset({501, 505, 511})
"""Errors of a server, or of a network in between, that say for sure that nothing was done, and that stay."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the client is. Times are in seconds.

    ``attempts`` bounds what fails by itself, ``limited_attempts`` what is answered "not now". A ``Retry-After`` above
    ``longest_wait`` is not waited for.
    """

    attempts: int = 5
    limited_attempts: int = 12
    base: float = 0.5
    cap: float = 20.0
    longest_wait: float = 300.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Send again in ``delay`` seconds. ``shared``: the server asks for the pause, so everybody holds back."""

    delay: float
    shared: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Report it as what it is; ``why`` is added to the message."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A write that may or may not have been carried out."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A success or a definite refusal: nothing to retry."""


Decision = Retry | GiveUp | Unknown | Deliver


def retry_after(value: str | None, wall: float) -> float | None:
    """Read ``Retry-After`` (RFC 9110 §10.2.3), seconds or HTTP date, as seconds from ``wall`` on; None where there is none."""
    text = (value or "").strip()
    if not text:
        return None
    try:
        if text.replace(".", "", 1).isdigit() and text.isascii():
            return float(text)
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - wall)
    except (ValueError, OverflowError, TypeError):
        return None


def transient(status: int) -> bool:
    """Whether another attempt may mend it. On a write no such status says whether it was carried out, 5xx of proxies included."""
    return status == 408 or (status >= 500 and status not in _DEFINITE)


def backoff(attempt: int, policy: Policy, chance: float) -> float:
    """Seconds before the attempt after ``attempt`` (from 1): exponential, capped, with full jitter by ``chance`` in [0, 1)."""
    return chance * min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 30))


def decide(
    outcome: Answer | Failure, *, repeatable: bool, attempt: int, policy: Policy, wall: float, chance: float
) -> Decision:
    """Decide on attempt number ``attempt`` (from 1) of a call; ``repeatable`` says that a lost answer is harmless."""
    if isinstance(outcome, Failure):
        if outcome.sent and not repeatable:
            return Unknown()
        if outcome.lasting or attempt >= policy.attempts:
            return GiveUp(_attempts(attempt))
        return Retry(backoff(attempt, policy, chance))
    asked = retry_after(outcome.headers.get("retry-after"), wall)
    if outcome.status == RATE_LIMITED or (outcome.status == UNAVAILABLE and asked is not None):
        return _hold_back(asked, attempt, policy, chance)
    if not transient(outcome.status):
        return Deliver()
    if not repeatable:
        return Unknown()
    if attempt >= policy.attempts:
        return GiveUp(_attempts(attempt))
    return Retry(backoff(attempt, policy, chance))


def _hold_back(asked: float | None, attempt: int, policy: Policy, chance: float) -> Decision:
    """The server surely did nothing and wants a pause; a little jitter keeps several runners from coming back as one."""
    if asked is not None and asked > policy.longest_wait:
        return GiveUp(
            f"it asks to wait {asked:.0f} s, longer than the {policy.longest_wait:.0f} s that are waited at most"
        )
    if attempt >= policy.limited_attempts:
        return GiveUp(_attempts(attempt))
    if not asked:
        return Retry(backoff(attempt, policy, chance), shared=True)
    return Retry(asked + chance * min(0.1 * asked, 1.0), shared=True)


def _attempts(count: int) -> str:
    return f"after {count} attempts" if count > 1 else ""
