"""The exchange of one conditional write: every decision, and no sequence of mishaps that leads astray."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.core.exchange import (
    MAX_SENDS,
    Attempt,
    Decision,
    Done,
    Event,
    Reread,
    Send,
    Sight,
    after_reread,
    after_send,
    begin,
)
from reconciler.core.plan import Operation
from reconciler.core.resource import NOTHING_THERE, Pin

ETAG, NEWER = Pin("etag", "1", "d"), Pin("etag", "2", "d")
VERSION = Pin("version", "1", "d")
UPDATE, CREATE, DELETE = Attempt("update", ETAG), Attempt("create", NOTHING_THERE), Attempt("delete", ETAG)
THERE, GONE = Sight(exists=True, pin=NEWER), Sight(exists=False)
LOST = {"sends": 1, "lost": 1}


def outcome(decision: Decision) -> str:
    return decision.outcome if isinstance(decision, Done) else type(decision).__name__


def test_a_real_precondition_is_sent_at_once_and_a_best_effort_one_compared_first() -> None:
    assert begin("update", ETAG) == Send(UPDATE)
    assert begin("update", VERSION) == Reread(Attempt("update", VERSION))
    assert begin("delete", Pin("compare")) == Reread(Attempt("delete", Pin("compare")))
    assert begin("create", NOTHING_THERE) == Send(CREATE)


@pytest.mark.parametrize(
    ("attempt", "event", "expected"),
    [
        (UPDATE, "answered", "applied"),
        (UPDATE, "refused", "failed"),
        (UPDATE, "missing", "stale"),
        (DELETE, "missing", "applied"),
        (CREATE, "missing", "failed"),
        (replace(CREATE, **LOST), "missing", "Reread"),
        (UPDATE, "precondition", "Reread"),
        (DELETE, "precondition", "Reread"),
        (CREATE, "precondition", "stale"),
        (replace(CREATE, **LOST), "precondition", "Reread"),
        (UPDATE, "lost", "Send"),
        (Attempt("update", VERSION), "lost", "Reread"),
        (replace(UPDATE, sends=MAX_SENDS - 1), "lost", "Reread"),
        (replace(UPDATE, sends=MAX_SENDS - 1), "precondition", "stale"),
        (replace(UPDATE, **LOST), "refused", "Reread"),
    ],
)
def test_after_a_send(attempt: Attempt, event: Event, expected: str) -> None:
    assert outcome(after_send(attempt, event)) == expected


def test_a_lost_answer_is_settled_by_the_same_request() -> None:
    decision = after_send(UPDATE, "lost")
    assert isinstance(decision, Send)
    assert decision.attempt.pin == ETAG
    assert (decision.attempt.sends, decision.attempt.lost) == (1, 1)


def test_a_refusal_is_remembered_while_an_earlier_send_is_looked_into() -> None:
    decision = after_send(replace(UPDATE, **LOST), "refused")
    assert isinstance(decision, Reread)
    assert outcome(after_reread(decision.attempt, replace(THERE, untouched=True), replan=True)) == "failed"


@pytest.mark.parametrize(
    ("attempt", "sight", "replan", "expected"),
    [
        (UPDATE, GONE, False, "stale"),
        (DELETE, GONE, False, "applied"),
        (UPDATE, THERE, False, "stale"),
        (UPDATE, replace(THERE, ours=True), False, "stale"),
        (replace(UPDATE, **LOST), replace(THERE, ours=True), False, "applied"),
        (replace(DELETE, **LOST), replace(THERE, ours=True), False, "stale"),
        (UPDATE, replace(THERE, untouched=True), False, "Send"),
        (UPDATE, replace(THERE, reviewed=True), False, "stale"),
        (UPDATE, replace(THERE, reviewed=True), True, "Send"),
        (replace(UPDATE, replanned=True), replace(THERE, reviewed=True), True, "stale"),
        (replace(UPDATE, sends=MAX_SENDS), replace(THERE, untouched=True), False, "stale"),
        (replace(UPDATE, sends=MAX_SENDS, lost=1), replace(THERE, untouched=True), False, "unknown"),
        (replace(UPDATE, refused=True, **LOST), replace(THERE, untouched=True), True, "failed"),
        (replace(UPDATE, refused=True, **LOST), replace(THERE, ours=True), True, "applied"),
        (replace(CREATE, **LOST), replace(THERE, ours=True), False, "applied"),
        (replace(CREATE, **LOST), THERE, False, "stale"),
        (CREATE, replace(THERE, ours=True, untouched=True, reviewed=True), True, "stale"),
        (replace(CREATE, **LOST), GONE, False, "Send"),
        (replace(CREATE, refused=True, **LOST), GONE, False, "failed"),
        (replace(CREATE, sends=MAX_SENDS, lost=1), GONE, False, "unknown"),
    ],
)
def test_after_a_reread(attempt: Attempt, sight: Sight, replan: bool, expected: str) -> None:
    assert outcome(after_reread(attempt, sight, replan=replan)) == expected


def test_a_new_pin_is_the_one_that_was_seen() -> None:
    decision = after_reread(UPDATE, replace(THERE, untouched=True), replan=False)
    assert isinstance(decision, Send)
    assert decision.attempt.pin == NEWER


class Exchange(RuleBasedStateMachine):
    """One write against a server that loses answers, refuses, and is edited by somebody else at any moment."""

    @initialize(
        operation=st.sampled_from(["create", "update", "delete"]),
        style=st.sampled_from(["etag", "version", "compare"]),
        replan=st.booleans(),
    )
    def start(self, operation: Operation, style: str, replan: bool) -> None:
        pin = NOTHING_THERE if operation == "create" else Pin(style, "0", "0")  # type: ignore[arg-type]
        self.operation, self.replan = operation, replan
        self.decision: Decision = begin(operation, pin)
        self.exists = operation != "create"
        self.revision, self.visible, self.holds_ours = 0, 0, False
        self.carried_out = self.refused_last = False
        self.sends = self.steps = self.replans = 0
        self.evidence = ""
        self.reason_to_send = "first"

    def _carry_out(self) -> None:
        self.carried_out = True
        self.exists = self.operation != "delete"
        self.revision += 1
        self.visible += 1
        self.holds_ours = self.operation != "delete"

    def _matches(self, pin: Pin) -> bool:
        if self.operation == "create":
            return not self.exists
        return self.exists and (pin.style != "etag" or pin.value == str(self.revision))

    @rule(
        mishap=st.sampled_from(["", "lost before", "lost after", "refused", "no such collection"]),
        meanwhile=st.sampled_from(["", "", "", "volatile", "edit", "delete", "create"]),
    )
    def go_on(self, mishap: str, meanwhile: str) -> None:
        if meanwhile:
            self.somebody_else(meanwhile)
        if isinstance(self.decision, Send):
            self.send(mishap)
        elif isinstance(self.decision, Reread):
            self.look()

    def send(self, mishap: str) -> None:
        assert isinstance(self.decision, Send)
        attempt = self.decision.attempt
        assert self.reason_to_send
        self.reason_to_send = ""
        self.sends += 1
        self.steps += 1
        event: Event = "answered"
        if mishap == "refused":
            event = "refused"
        elif mishap == "lost before":
            event = "lost"
        elif mishap == "no such collection" if self.operation == "create" else not self.exists:
            event = "missing"
        elif not self._matches(attempt.pin):
            event = "precondition"
        else:
            self._carry_out()
            event = "lost" if mishap == "lost after" else "answered"
        self.refused_last = event in ("refused", "missing")
        self.evidence = "answer" if event == "answered" else "gone" if event == "missing" and not self.exists else ""
        self.decision = after_send(attempt, event)
        if event == "lost":
            self.reason_to_send = "the same again"

    def look(self) -> None:
        assert isinstance(self.decision, Reread)
        attempt = self.decision.attempt
        self.steps += 1
        pin = replace(attempt.pin, value=str(self.revision), digest=str(self.visible))
        untouched = attempt.pin.digest == str(self.visible)
        reviewed = self.replan and self.operation == "update" and self.visible % 2 == 1
        sight = Sight(self.exists, pin if self.exists else None, self.holds_ours, untouched, reviewed)
        self.decision = after_reread(attempt, sight, replan=self.replan)
        if isinstance(self.decision, Done):
            self.evidence = "seen" if self.holds_ours and attempt.lost else "gone" if not self.exists else ""
            return
        assert not self.refused_last, "a refused request was sent again"
        if not self.exists:
            self.reason_to_send = "nothing there"
        elif untouched:
            self.reason_to_send = "only volatile fields moved"
        elif reviewed:
            self.replans += 1
            self.reason_to_send = "the reviewed change"

    def somebody_else(self, what: str) -> None:
        self.revision += 1
        if what == "volatile" or (what == "edit" and not self.exists):
            return
        self.visible += 1
        self.holds_ours = False
        self.exists = what in ("edit", "create")

    @invariant()
    def it_ends_within_bounds(self) -> None:
        if not hasattr(self, "decision"):
            return
        assert self.sends <= MAX_SENDS
        assert self.steps <= 2 * MAX_SENDS + 2
        assert self.replans <= 1

    @invariant()
    def it_never_claims_what_it_has_not_seen(self) -> None:
        if not hasattr(self, "decision") or not isinstance(self.decision, Done):
            return
        if self.decision.outcome == "applied":
            assert self.evidence
            assert self.carried_out or (self.operation == "delete" and self.evidence == "gone")
        if self.decision.outcome == "failed":
            assert self.refused_last


TestExchange = Exchange.TestCase
TestExchange.settings = settings(max_examples=max(100, settings.default.max_examples), stateful_step_count=14)
