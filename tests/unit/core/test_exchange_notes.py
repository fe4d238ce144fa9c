"""What is said of a write that was not simply carried out, and what the next send is pinned to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.core.exchange import (
    MAX_SENDS,
    Attempt,
    Decision,
    Done,
    Reread,
    Send,
    Sight,
    after_reread,
    after_send,
)
from reconciler.core.resource import NOTHING_THERE, Pin

OLD, NEW = Pin("etag", "1"), Pin("etag", "2")
UPDATE, DELETE, CREATE = Attempt("update", OLD), Attempt("delete", OLD), Attempt("create", NOTHING_THERE)
SETTLED = "the answer was lost; the resource is as it should be"
NOT_EITHER = "an earlier request may have been sent, and was not carried out either"


def last(attempt: Attempt, **more: int) -> Attempt:
    return Attempt(attempt.operation, attempt.pin, sends=MAX_SENDS, **more)


@pytest.mark.parametrize(
    ("decide", "done"),
    [
        (lambda: after_send(UPDATE, "answered"), Done("applied")),
        (lambda: after_send(UPDATE, "refused"), Done("failed")),
        (lambda: after_send(CREATE, "missing"), Done("failed")),
        (lambda: after_send(UPDATE, "missing"), Done("stale", "it does not exist any more")),
        (lambda: after_send(DELETE, "missing"), Done("applied", "it was gone already")),
        (lambda: after_send(CREATE, "precondition"), Done("stale", "a resource of that name exists now")),
        (lambda: after_send(last(UPDATE), "precondition"), Done("stale", "it keeps changing")),
        (lambda: after_reread(UPDATE, Sight(exists=False), replan=False), Done("stale", "it does not exist any more")),
        (lambda: after_reread(DELETE, Sight(exists=False), replan=False), Done("applied", "it was gone already")),
        (
            lambda: after_reread(Attempt("update", OLD, lost=1), Sight(True, NEW, ours=True), replan=False),
            Done("applied", SETTLED),
        ),
        (
            lambda: after_reread(Attempt("update", OLD, lost=1, refused=True), Sight(True, NEW), replan=False),
            Done("failed", NOT_EITHER),
        ),
        (lambda: after_reread(last(UPDATE), Sight(True, NEW), replan=True), Done("stale", "it keeps changing")),
        (lambda: after_reread(last(UPDATE, lost=1), Sight(True, NEW), replan=True), Done("unknown", "no usable answer came")),
        (lambda: after_reread(UPDATE, Sight(True, NEW), replan=True), Done("stale", "somebody changed it since the plan")),
        (
            lambda: after_reread(UPDATE, Sight(True, NEW, reviewed=True), replan=False),
            Done("stale", "somebody changed it since the plan"),
        ),
        (lambda: after_reread(CREATE, Sight(True, NEW, ours=True), replan=False), Done("stale", "a resource of that name exists now")),
        (
            lambda: after_reread(Attempt("create", NOTHING_THERE, lost=1), Sight(True, NEW, ours=True), replan=False),
            Done("applied", SETTLED),
        ),
        (
            lambda: after_reread(Attempt("create", NOTHING_THERE, lost=1, refused=True), Sight(False), replan=False),
            Done("failed", NOT_EITHER),
        ),
        (lambda: after_reread(last(CREATE, lost=1), Sight(False), replan=False), Done("unknown", "no usable answer came")),
    ],
)  # fmt: skip
def test_how_a_write_ends_and_why(decide: Callable[[], Decision], done: Done) -> None:
    assert decide() == done


def test_a_new_pin_is_the_one_that_was_seen_and_a_plan_is_made_anew_once() -> None:
    assert after_reread(UPDATE, Sight(True, NEW, untouched=True), replan=False) == Send(Attempt("update", NEW))
    again = after_reread(UPDATE, Sight(True, NEW, reviewed=True), replan=True)
    assert again == Send(Attempt("update", NEW, replanned=True))
    assert isinstance(again, Send)
    assert after_reread(again.attempt, Sight(True, OLD, reviewed=True), replan=True) == Done(
        "stale", "somebody changed it since the plan"
    )


def test_what_is_kept_of_a_send() -> None:
    assert after_send(UPDATE, "lost") == Send(Attempt("update", OLD, sends=1, lost=1))
    assert after_send(last(UPDATE), "lost") == Reread(Attempt("update", OLD, sends=MAX_SENDS + 1, lost=1))
    assert after_send(Attempt("update", OLD, sends=MAX_SENDS - 2), "precondition") == Reread(
        Attempt("update", OLD, sends=MAX_SENDS - 1)
    )
    assert after_send(Attempt("update", OLD, sends=MAX_SENDS - 1), "precondition") == Done("stale", "it keeps changing")
    lost = Attempt("update", OLD, sends=1, lost=1)
    assert after_send(lost, "refused") == Reread(Attempt("update", OLD, sends=2, lost=1, refused=True))
    assert after_reread(Attempt("create", NOTHING_THERE, lost=1), Sight(False), replan=False) == Send(
        Attempt("create", NOTHING_THERE, lost=1)
    )
