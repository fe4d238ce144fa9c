"""The three ways to apply: a fresh plan, a saved one, and an interrupted one; all under the ledger's lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.plan import Plan
from reconciler.core.plandigest import change_digest
from reconciler.core.report import Report, Result
from reconciler.core.values import Bundle, Secret
from reconciler.cxone.client import Client
from reconciler.engine.actor import actor
from reconciler.engine.apply import Stop
from reconciler.engine.clock import now, parse
from reconciler.engine.judging import judged_for_apply
from reconciler.engine.moved import moved_since
from reconciler.engine.observe import observe_kinds
from reconciler.engine.planfiles import read_plan
from reconciler.engine.planner import Request
from reconciler.engine.resuming import journaled_plan
from reconciler.engine.runner import Runner
from reconciler.engine.session import Session, run, stop_on_signals
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.fingerprint import Fingerprinter, provisional_salt
from reconciler.engine.state.journal_writer import Journal
from reconciler.engine.state.ledger import LedgerWriter
from reconciler.engine.state.store import Lease
from reconciler.errors import (
    ExpectationNotMet,
    GuardRefused,
    Interrupted,
    JournalOpen,
    PlanExpired,
    PlanFileError,
    PlanStale,
    UsageError,
)
from reconciler.loading.bundle import read_bundle
from reconciler.loading.secrets import SecretResolver

Agree = Callable[[Plan], bool]


@dataclass(slots=True)
class Applying:
    """Applies for one session. ``listen`` is told each result, ``warn`` what a person should know."""

    session: Session
    parallelism: int
    replan: bool
    lock_timeout: float
    listen: Callable[[Result], None]
    warn: Callable[[str], None]
    stop: Stop = field(default_factory=Stop)
    lease: Lease | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.session.at_once = self.parallelism

    def fresh(self, request: Request, expect: str, agree: Agree) -> Report | None:
        """Plan, ask, apply; None where the answer was no. Raises `ExpectationNotMet` where ``expect`` names other changes."""
        session = self.session
        if session.workspace.target.apply.saved_plan_only and not expect:
            raise GuardRefused(
                f"the target {session.workspace.target.name} takes saved plans only",
                codes=["G014"],
                fix="`reconciler plan --out plan.json`, have it reviewed, then `reconciler apply plan.json`",
            )

        async def work() -> Report | None:
            async with session.client(write=True) as client:
                plan = await session.plan_with(client, request)
                if expect:
                    _meets(plan, expect)
                plan = judged_for_apply(plan, session.workspace, now(), fresh=True)
                if not agree(plan):
                    return None
                with stop_on_signals(self.stop):
                    return await self._runner(client).apply(plan)

        with self._held("apply"):
            return run(work)

    def saved(self, file: Path, agree: Agree) -> Report | None:
        """Apply a saved plan exactly as it was reviewed."""
        reviewed, session = read_plan(file), self.session
        _usable(reviewed, session)

        async def work() -> Report | None:
            plan = judged_for_apply(reviewed, session.workspace, now(), fresh=False)
            async with session.client(write=True) as client:
                await self._refuse_moved(client, plan)
                if not agree(plan):
                    return None
                runner = self._runner(client)
                runner.planned = self._planned() if session.ledger.lost else None
                with stop_on_signals(self.stop):
                    return await runner.apply(plan)

        needed = {change.key.kind for change in reviewed.changes}
        session.extra_kinds |= needed
        with self._held(f"apply {file.name}"):
            return run(work)

    def resume(self, show: Callable[[Plan], None] | None = None) -> Report:
        """Go on with the apply whose journal is open, after ``show`` was told its plan; nothing to do where there is none."""
        session = self.session
        with self._held("apply --resume", resuming=True):
            state = session.open_journal()
            if state is None:
                return Report()
            session.extra_kinds |= {key.kind for key, _, _ in state.entries} | {key.kind for key in state.steps}
            plan = journaled_plan(state)
            session.extra_kinds |= {change.key.kind for change in plan.changes}
            if show is not None:
                show(plan)

            async def work() -> Report:
                async with session.client(write=True) as client:
                    with stop_on_signals(self.stop):
                        return await self._runner(client).resume(state, plan)

            return run(work)

    async def _refuse_moved(self, client: Client, plan: Plan) -> None:
        """Look before the first write: a plan of which any part is stale is not begun (unless --on-stale replan)."""
        if self.replan:
            return
        session = self.session
        kinds = session.workspace.kinds
        wanted = {change.key.kind for change in plan.changes if change.steps}
        fresh = await observe_kinds(client, kinds, wanted)
        moved = moved_since(plan, fresh, kinds, session.workspace.target.api.concurrency)
        if moved:
            listed = ", ".join(str(key) for key in moved[:5]) + (
                f" and {len(moved) - 5} more" if len(moved) > 5 else ""
            )
            raise PlanStale(
                f"the tenant moved since the plan was made: {listed}; nothing was applied",
                fix="plan again and have the new plan reviewed",
            )

    def _planned(self) -> Callable[[Secret], str]:
        """How a plan's secrets were marked that was made before there was a ledger."""
        mark = Fingerprinter(provisional_salt(self.session.ledger.stack, self.session.ledger.target))
        return lambda secret: mark(secret.reveal())

    def _runner(self, client: Client) -> Runner:
        session = self.session
        assert self.lease is not None
        root = session.workspace.project.root
        resolver = SecretResolver(root, session.environ)
        built: dict[str, bytes] = {}

        def content(bundle: Bundle) -> bytes:
            if bundle.sha256 not in built:
                built[bundle.sha256] = read_bundle(root, bundle)
            return built[bundle.sha256]

        session.audit = AuditLog(session.store, actor=actor(), head=session.ledger.audit_head)
        return Runner(
            client,
            session.workspace.kinds,
            LedgerWriter(session.store, session.ledger),
            Journal(session.store),
            session.audit,
            session.workspace.target.api.concurrency,
            resolver.resolve,
            session.mark,
            content,
            replan=self.replan,
            parallelism=self.parallelism,
            listen=self.listen,
            warn=self.warn,
            stop=self.stop,
            confirm=self.lease.confirm,
        )

    def _held(self, purpose: str, *, resuming: bool = False) -> _Held:
        self.stop = Stop()
        return _Held(self, purpose, resuming)


class _Held:
    """The lease, with what must be looked at once it is ours: the ledger as it is now, and a journal left open."""

    def __init__(self, applying: Applying, purpose: str, resuming: bool) -> None:
        self._applying = applying
        self._resuming = resuming
        self._lease = applying.session.store.lease(actor(), purpose, applying.lock_timeout)

    def __enter__(self) -> None:
        session = self._applying.session
        self._applying.lease = self._lease.__enter__()
        try:
            if not self._resuming:
                refuse_open_journal(session)
            session.reload()
        except BaseException as error:
            self._lease.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._lease.__exit__(None, None, None)
        if isinstance(error, KeyboardInterrupt) and self._applying.stop.signal:
            raise Interrupted(
                "asked to stop a second time, so that nothing was waited for",
                signal_number=self._applying.stop.signal,
                fix="`reconciler apply --resume` finds out what became of what was under way, and goes on",
            ) from error


def refuse_open_journal(session: Session) -> None:
    """Raise `JournalOpen` where an interrupted apply has not been resumed."""
    state = session.open_journal()
    if state is not None:
        raise JournalOpen(
            f"an apply that began at {state.header.get('started', 'an unknown time')} was interrupted",
            fix="`reconciler apply --resume` goes on with it; `reconciler ledger unlock --discard-journal` gives it up",
        )


def _meets(plan: Plan, expect: str) -> None:
    found = change_digest(plan)
    if len(expect) < 8:
        raise UsageError("--expect takes at least 8 characters of the reviewed plan's change digest")
    if not found.startswith(expect.lower()):
        raise ExpectationNotMet(
            f"the changes are not the reviewed ones: change digest {found[:12]}, expected {expect[:12]}",
            fix="have the plan reviewed again",
        )


def _usable(plan: Plan, session: Session) -> None:
    """Refuse a plan for another target, of another project, or past its expiry."""
    target, stack = session.workspace.target, session.workspace.project.stack
    if (plan.header.target, plan.header.url, plan.header.stack) != (target.name, target.url, stack):
        raise PlanFileError(
            f"the plan was made for {plan.header.stack} on {plan.header.target} ({plan.header.url}), "
            f"not for {stack} on {target.name} ({target.url})",
            fix=f"use --target {plan.header.target}, or plan for this target",
        )
    try:
        expired = parse(plan.header.expires) < now()
    except ValueError as error:
        fix = "make the plan anew with `reconciler plan --out FILE`"
        raise PlanFileError("the plan does not say when it expires", fix=fix) from error
    if expired:
        raise PlanExpired(f"the plan expired at {plan.header.expires}", fix="plan again")
