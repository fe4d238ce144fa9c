"""What both jobs share that have the tenant synchronise something: starting it once, asking how it is, reading the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from reconciler.cxone.message import Answer
from reconciler.errors import ApiError, AuthenticationError, BadAnswer, Conflict, JobFailed, NotFound, Refused
from reconciler.jobs.context import JobContext

T = TypeVar("T")


async def request_start(
    context: JobContext,
    address: str,
    body: bytes,
    *,
    idempotency_key: str,
    scopes: tuple[str, ...],
    forget: Callable[[], None],
    in_the_way: str,
) -> Answer:
    """Ask the tenant to begin; the same key as before an interruption begins nothing twice.

    ``forget`` is called where surely nothing was begun, so that there is nothing to go on with; ``in_the_way`` is the advice where
    the tenant has a conflict. Raises `JobFailed` for that, and otherwise whatever the request came to.
    """
    try:
        return await context.client.exchange(
            "POST",
            address,
            body=body,
            headers={"Idempotency-Key": idempotency_key},
            scopes=scopes,
            repeatable=True,
        )
    except (AuthenticationError, NotFound, Refused):
        forget()
        raise
    except Conflict as error:
        forget()
        raise JobFailed(error.message, fix=in_the_way) from error


def id_in(answer: Answer, member: str, what: str, *, fix: str = "") -> str:
    """The id that the tenant gave to what was begun; raises `BadAnswer`."""
    found = answer.value.get(member) if isinstance(answer.value, dict) else None
    if not isinstance(found, str) or not found:
        raise BadAnswer(
            f"{what} was answered {answer.status} without a {member} (request {answer.request_id})",
            fix=fix,
            status=answer.status,
            request_id=answer.request_id,
        )
    return found


def read_answer(answer: Answer, what: str, read: Callable[[object], T]) -> T:
    """What an answer says; raises `BadAnswer` where ``read`` raises `ValueError` for its body."""
    try:
        return read(answer.value)
    except ValueError as error:
        raise BadAnswer(
            f"{what} is not what the contract says: {error} (request {answer.request_id})",
            status=answer.status,
            request_id=answer.request_id,
        ) from error


def unknown_there(what: str, error: ApiError) -> JobFailed:
    """The end of a job whose synchronisation the tenant answers 404 about."""
    failed = JobFailed(f"the tenant does not know {what} (any more)", fix="run the job anew, without --resume")
    failed.__cause__ = error
    return failed


def pause(attempt: int, base: float, cap: float, chance: float) -> float:
    """Seconds before the question after ``attempt`` (from 0): min(base × 2^attempt + up to 1 s, cap)."""
    return min(base * 2.0 ** min(attempt, 60) + chance, cap)
