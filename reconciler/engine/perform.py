"""Carrying out one change: its steps in order, every write conditional, every intent and outcome on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from reconciler.core.changes import pin_of
from reconciler.core.exchange import (
    Attempt,
    Decision,
    Done,
    Event,
    Outcome,
    Reread,
    Send,
    Sight,
    after_reread,
    after_send,
    begin,
)
from reconciler.core.holding import hides, holds, only_secrets
from reconciler.core.kind import Kind, Kinds
from reconciler.core.plan import Change, Step
from reconciler.core.refs import resolve_tree
from reconciler.core.resource import NOTHING_THERE, Entry, Key, Observed, Pin, PinStyle
from reconciler.core.values import Bundle, Tree, Unknown
from reconciler.core.wire import live_tree, request_body
from reconciler.cxone.client import Client
from reconciler.engine.anew import Anew, made_anew
from reconciler.engine.intents import idempotency_key
from reconciler.errors import (
    LeaseLost,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    ReconcilerError,
    ServerFailed,
)


class Recorder(Protocol):
    """Where intents and outcomes are kept, in the order in which they come: one that is durable has all before it with it.

    So an intent waits for the disk, and outcomes need not: what is sent because of one has an intent behind it.
    """

    async def intent(self, key: Key, step: int, operation: str, pin: Pin, idempotency_key: str) -> None:
        """Record that a request is about to be sent; returns once the record is durable."""

    def outcome(self, key: Key, step: int, settled: Settled, held: Held | None, *, last: bool) -> None:
        """Record what became of it, and what the ledger holds since (``held`` is None where that did not change).

        All of it becomes durable together, and after the ``last`` step that the change is done is part of it, too.
        """

    def done(self, key: Key, held: Held | None) -> None:
        """Record that a change is done for which nothing had to be sent any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the ledger holds from now on under a key (None: nothing any more); a moved resource leaves its old key."""

    entry: Entry | None
    moved_from: Key | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an interrupted change had come: the next step, what it needs, and whether its request may be under way."""

    step: int = 0
    resource_id: str = ""
    pin: Pin | None = None
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """One step's end: its outcome, the resource's id and next pin, and the error or note that explains it."""

    outcome: Outcome
    resource_id: str
    pin: Pin
    error: ReconcilerError | None = None
    note: str = ""


@dataclass(slots=True)
class Performer:
    """Carries out changes, one call each; safe to call for several changes at the same time.

    ``identify`` gives live values of references, ``before`` what the ledger held when the run began, ``style`` the target's
    concurrency style; ``learned`` is told what is live after a write, ``lease`` raises where nothing may be sent any more.
    """

    client: Client
    kinds: Kinds
    recorder: Recorder
    run_id: str
    style: PinStyle
    replan: bool
    identify: Callable[[Unknown], str]
    content: Callable[[Bundle], bytes]
    before: Callable[[Key], Entry | None]
    learned: Callable[[Key, Observed], None]
    lease: Callable[[], None]

    async def perform(self, change: Change, progress: Progress = Progress()) -> Settled:
        """Carry out all steps of one change and record its ledger entry. Errors are part of what comes back."""
        settled = Settled("applied", progress.resource_id or change.resource_id, progress.pin or change.pin)
        for index, step in enumerate(change.steps):
            if index < progress.step:
                continue
            lost = 1 if index == progress.step and progress.in_flight else 0
            settled = await self._step(change, index, step, settled, lost)
            applied = settled.outcome == "applied"
            held = self._held(change, index, settled.resource_id) if applied else None
            last = index == len(change.steps) - 1
            self.recorder.outcome(change.key, index, settled, held, last=last)
            if not applied:
                return settled
        if progress.step >= len(change.steps):
            held = None if change.steps else self._held(change, -1, settled.resource_id)
            self.recorder.done(change.key, held)
        return settled

    def _held(self, change: Change, index: int, resource_id: str) -> Held:
        """The ledger's view after a step: whole after the last one, honest about what is still to come."""
        entry = change.entry
        if entry is None:
            return Held(None, None)
        fields = resolve_tree(entry.fields, self.identify)
        rule = self.kinds[change.key.kind].lifecycle
        if rule is not None and index < len(change.steps) - 1 and rule.field in fields:
            known = self.before(change.moved_from or change.key)
            old = known.fields.get(rule.field) if known else rule.initial
            fields = {**fields, rule.field: rule.initial if change.action == "create" else old}
        return Held(replace(entry, id=resource_id, fields=fields), change.moved_from)

    async def _step(self, change: Change, index: int, step: Step, last: Settled, lost: int) -> Settled:
        """Send one request until it is settled, as `reconciler.core.exchange` decides."""
        kind = self.kinds[change.key.kind]
        pin = NOTHING_THERE if step.operation == "create" else last.pin
        key = idempotency_key(self.run_id, change.key, index)
        decision: Decision = begin(step.operation, pin)
        if lost:
            attempt = Attempt(step.operation, pin, lost=lost)
            decision = Reread(attempt) if pin.best_effort else Send(attempt)
        found = Settled(last.outcome, last.resource_id, pin, last.error, last.note)
        while not isinstance(decision, Done):
            if isinstance(decision, Reread):
                found, decision = await self._look(change, kind, step, found, decision.attempt)
                continue
            self.lease()
            await self.recorder.intent(change.key, index, step.operation, decision.attempt.pin, key)
            self.lease()
            found, event = await self._send(change, kind, step, found, decision.attempt.pin, key)
            decision = after_send(decision.attempt, event)
        error = None if decision.outcome == "applied" else found.error
        return Settled(decision.outcome, found.resource_id, found.pin, error, decision.note)

    async def _send(
        self, change: Change, kind: Kind, step: Step, last: Settled, pin: Pin, key: str
    ) -> tuple[Settled, Event]:
        try:
            if step.operation == "delete":
                await self.client.delete(kind, last.resource_id, pin=pin, force=step.body.get("force") is True)
                return replace(last, error=None), "answered"
            body = request_body(
                kind, step.body, identify=self.identify, reveal=lambda secret: secret.reveal(), content=self.content
            )
            if step.operation == "create":
                live = await self.client.create(kind, body, idempotency_key=key)
            else:
                live = await self.client.update(kind, last.resource_id, body, pin=pin)
        except LeaseLost:
            raise  # between two attempts: nobody may send the next one
        except ReconcilerError as error:
            return replace(last, error=error), _event(error)
        self.learned(change.key, live)
        return Settled("applied", live.id, pin_of(kind, live, self.style)), "answered"

    async def _look(
        self, change: Change, kind: Kind, step: Step, last: Settled, attempt: Attempt
    ) -> tuple[Settled, Decision]:
        """Read what is live and decide anew; a read that fails leaves the write as unsettled as it was."""
        try:
            live = await self._find(kind, step, last)
        except ReconcilerError as error:
            outcome: Outcome = "unknown" if attempt.lost else "failed"
            return replace(last, error=error), Done(outcome, "what is live could not be read")
        if live is None:
            return last, after_reread(attempt, Sight(exists=False), replan=self.replan)
        sight = self._sight(change, kind, step, live, attempt)
        decision = after_reread(attempt, sight, replan=self.replan)
        if isinstance(decision, Done) and decision.outcome == "applied" and step.operation != "delete":
            self.learned(change.key, live)
            return Settled("applied", live.id, pin_of(kind, live, self.style)), decision
        if isinstance(decision, Done) and decision.outcome == "stale" and step.operation == "update":
            anew = self._anew(change, kind, live_tree(kind, live.body))
            decision = replace(decision, note=decision.note + (anew.told(live) if anew else ""))
        return last, decision

    async def _find(self, kind: Kind, step: Step, last: Settled) -> Observed | None:
        if step.operation != "create":
            return await self.client.get(kind, last.resource_id)
        named = await self.client.list(kind, name=str(step.body["name"]))
        return next((item for item in named if item.name == step.body["name"]), None)

    def _sight(self, change: Change, kind: Kind, step: Step, live: Observed, attempt: Attempt) -> Sight:
        pin = pin_of(kind, live, self.style)
        tree = live_tree(kind, live.body)
        wanted = resolve_tree(step.body, self.identify)
        whole = step.operation == "create"
        unseen = step.operation == "update" and only_secrets(wanted)
        return Sight(
            exists=True,
            pin=pin,
            # A write of secrets alone leaves nothing to be seen: that it was ours cannot be told.
            ours=step.operation != "delete" and not unseen and holds(kind, wanted, tree, whole=whole),
            # What the API hides (secrets) may have moved unseen: then an equal digest proves nothing. Unless an earlier send of
            # these secrets may be what moved: sent once more they change nothing then, and the ledger knows what it says.
            untouched=pin.digest == attempt.pin.digest
            and (pin.style != "etag" or not hides(tree) or (unseen and attempt.lost > 0)),
            reviewed=step.operation != "delete" and self._reviewed(change, kind, step, tree),
        )

    def _anew(self, change: Change, kind: Kind, live: Tree) -> Anew | None:
        if change.entry is None:
            return None
        known = self.before(change.moved_from or change.key)
        return made_anew(kind, change, known, resolve_tree(change.entry.fields, self.identify), live)

    def _reviewed(self, change: Change, kind: Kind, step: Step, live: Tree) -> bool:
        """Whether planning the change anew against the live state gives the same request, our fields being untouched."""
        anew = self._anew(change, kind, live)
        return anew is not None and not anew.moved and step.operation == "update"


def _event(error: ReconcilerError) -> Event:
    """What an error means for the exchange."""
    if isinstance(error, PreconditionFailed):
        return "precondition"
    if isinstance(error, NotFound):
        return "missing"
    if isinstance(error, (OutcomeUnknown, ServerFailed)):
        return "lost"
    return "refused"
