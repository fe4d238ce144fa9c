"""One conditional write, as a state machine: what was sent, what came back, what to do next. Pure.

The caller sends, re-reads and sleeps; the decisions are here, so that every path through lost answers and races can be tried
without a network. The rules (design §4):

- A failed precondition is never blindly retried. Where only volatile fields moved, the write is pinned anew; where it may have
  been our own write that moved the resource (an answer was lost), what is live decides.
- An answer that never came is settled by sending the same request again: same pin, same idempotency key.
- A precondition failing on a create means that the resource exists now: stale, never an adoption.
- A refusal is an answer: it is never sent again, only an earlier send without answer is looked into.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reconciler.core.plan import Operation
from reconciler.core.resource import Pin

Outcome = Literal["applied", "stale", "failed", "skipped", "unknown"]
Event = Literal["answered", "precondition", "missing", "refused", "lost"]
"""What came of a send: a usable answer, a failed precondition, a 404, another refusal, or nothing usable."""

MAX_SENDS = 5
"""Sends of one request, answers lost and pins renewed included, before its outcome is left unknown or stale."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Where one write stands. ``pin`` is what the next send is conditional on, ``lost`` how many answers never came.

    ``refused`` says that the server has refused the request since, ``replanned`` that it has been pinned once to a state that
    moved.
    """

    operation: Operation
    pin: Pin
    sends: int = 0
    lost: int = 0
    refused: bool = False
    replanned: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request (again), conditional on the attempt's pin."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Reread:
    """Read the live resource, then ask `after_reread`."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Done:
    """The write is settled. ``note`` says why where the outcome alone does not."""

    outcome: Outcome
    note: str = ""


Decision = Send | Reread | Done


@dataclass(frozen=True, slots=True)
class Sight:
    """What a re-read showed.

    ``exists``; ``pin``, the pin that the live state would have; ``ours``, whether the live state already holds all that the
    write wants; ``untouched``, whether nothing moved but volatile fields since planning; ``reviewed``, whether the same change,
    made anew against the live state, is the one that was reviewed.
    """

    exists: bool
    pin: Pin | None = None
    ours: bool = False
    untouched: bool = False
    reviewed: bool = False


def begin(operation: Operation, pin: Pin) -> Decision:
    """The first thing to do: send, or, where the API has no real precondition, compare first."""
    attempt = Attempt(operation, pin)
    return Reread(attempt) if pin.best_effort else Send(attempt)


def after_send(attempt: Attempt, event: Event) -> Decision:
    """Decide what follows from a send."""
    if event == "answered":
        return Done("applied")
    sent = replace(attempt, sends=attempt.sends + 1)
    create = attempt.operation == "create"
    if event == "refused" or (event == "missing" and create):
        # A refusal settles this send, but not one before it whose answer was lost.
        return Reread(replace(sent, refused=True)) if sent.lost else Done("failed")
    if event == "missing":
        return _gone(attempt)
    if event == "lost":
        lost = replace(sent, lost=sent.lost + 1)
        return Reread(lost) if lost.pin.best_effort or lost.sends >= MAX_SENDS else Send(lost)
    if sent.sends >= MAX_SENDS and not sent.lost:
        return Done("stale", "it keeps changing")
    if create and not sent.lost:
        return Done("stale", _EXISTS)
    return Reread(sent)


_EXISTS = "a resource of that name exists now"
_SETTLED = "the answer was lost; the resource is as it should be"
_REFUSED = "an earlier request may have been sent, and was not carried out either"


def _gone(attempt: Attempt) -> Done:
    if attempt.operation == "delete":
        return Done("applied", "it was gone already")
    return Done("stale", "it does not exist any more")


def after_reread(attempt: Attempt, sight: Sight, *, replan: bool) -> Decision:
    """Decide what follows from what is live; ``replan`` allows a reviewed change to be pinned to a moved resource once."""
    if attempt.operation == "create":
        return _after_create(attempt, sight)
    if not sight.exists:
        return _gone(attempt)
    assert sight.pin is not None
    if attempt.lost and attempt.operation != "delete" and sight.ours:
        return Done("applied", _SETTLED)
    if attempt.refused:
        return Done("failed", _REFUSED)
    if attempt.sends >= MAX_SENDS:
        return Done(
            "unknown" if attempt.lost else "stale", "no usable answer came" if attempt.lost else "it keeps changing"
        )
    if sight.untouched:
        return Send(replace(attempt, pin=sight.pin))
    if replan and sight.reviewed and not attempt.replanned:
        return Send(replace(attempt, pin=sight.pin, replanned=True))
    return Done("stale", "somebody changed it since the plan")


def _after_create(attempt: Attempt, sight: Sight) -> Decision:
    if sight.exists:
        return Done("applied", _SETTLED) if attempt.lost and sight.ours else Done("stale", _EXISTS)
    if attempt.refused:
        return Done("failed", _REFUSED)
    if attempt.sends >= MAX_SENDS:
        return Done("unknown", "no usable answer came")
    return Send(attempt)
