"""Applying: ready changes side by side, dependents after what they need, and an account of every single one."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from reconciler.core.plan import Change
from reconciler.core.report import Result
from reconciler.core.resource import Key
from reconciler.engine.concurrency import first_error
from reconciler.engine.perform import Settled
from reconciler.errors import AuthenticationError, LedgerError, ReconcilerError, ScopeMissing, StorageError

Perform = Callable[[Change], Awaitable[Settled]]
Listener = Callable[[Result], None]


@dataclass(slots=True)
class Stop:
    """A request to stop: nothing new is started, what is in flight is finished. ``signal`` is 0 where no signal asked."""

    requested: bool = False
    signal: int = 0
    reason: str = ""
    error: ReconcilerError | None = None

    def ask(self, reason: str, *, signal: int = 0, error: ReconcilerError | None = None) -> None:
        """Ask for a stop; the first reason stands."""
        if not self.requested:
            self.requested, self.reason, self.signal, self.error = True, reason, signal, error


@dataclass(slots=True)
class _Schedule:
    """Which changes wait for which, and what became of those that ended."""

    changes: Mapping[Key, Change]
    waiting: dict[Key, int]
    followers: dict[Key, list[Key]]
    results: dict[Key, Result] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Sequence[Change]) -> _Schedule:
        by_key = {change.key: change for change in changes}
        followers: dict[Key, list[Key]] = {key: [] for key in by_key}
        waiting = {}
        for change in changes:
            needs = [key for key in change.after if key in by_key]
            waiting[change.key] = len(needs)
            for key in needs:
                followers[key].append(change.key)
        return cls(by_key, waiting, followers)

    def ended(self, result: Result) -> list[Key]:
        """Note a result; returns the changes that became ready by it."""
        self.results[result.key] = result
        ready = []
        for key in self.followers[result.key]:
            self.waiting[key] -= 1
            if not self.waiting[key]:
                ready.append(key)
        return ready

    def blocked_by(self, change: Change) -> Key | None:
        """The first key that this change needed and that was not applied."""
        return next(
            (key for key in change.after if key in self.results and self.results[key].outcome != "applied"), None
        )


async def apply_changes(
    changes: Sequence[Change],
    perform: Perform,
    *,
    parallelism: int,
    stop: Stop,
    listen: Listener,
    ready: Callable[[Change], None] = lambda _: None,
) -> list[Result]:
    """Carry out changes in dependency order, at most ``parallelism`` at a time; one result for each, in plan order.

    A failure skips what depends on it, and only that. After ``stop`` is asked for, nothing new begins. ``ready`` is told of each
    change that waits for nothing but its turn, in the order of their turns.
    """
    schedule = _Schedule.of(changes)
    send, receive = anyio.create_memory_object_stream[Key](math.inf)

    def turn(key: Key) -> None:
        change = schedule.changes[key]
        if schedule.blocked_by(change) is None:
            ready(change)
        send.send_nowait(key)

    for change in changes:
        if not schedule.waiting[change.key]:
            turn(change.key)
    if not changes:
        send.close()

    async def worker() -> None:
        async for key in receive:
            result = await _one(schedule, schedule.changes[key], perform, stop)
            listen(result)
            for follower in schedule.ended(result):
                turn(follower)
            if len(schedule.results) == len(schedule.changes):
                send.close()

    try:
        async with anyio.create_task_group() as group:
            for _ in range(min(max(1, parallelism), max(1, len(changes)))):
                group.start_soon(worker)
    except BaseExceptionGroup as error:
        raise first_error(error) from error
    finally:
        send.close()
        receive.close()
    return [schedule.results[change.key] for change in changes]


async def _one(schedule: _Schedule, change: Change, perform: Perform, stop: Stop) -> Result:
    if (blocker := schedule.blocked_by(change)) is not None:
        return Result(
            change.key,
            change.action,
            "skipped",
            change.resource_id,
            message=f"waits for {blocker}",
            because=blocker,
            mark=change.mark,
        )
    if stop.requested:
        return Result(change.key, change.action, "skipped", change.resource_id, message=stop.reason, mark=change.mark)
    try:
        settled = await perform(change)
    except (LedgerError, StorageError) as error:
        # Without journal or lease nothing more may be sent; what became of this change is what the journal says.
        stop.ask(error.message, error=error)
        what = (error.code, error.message, error.fix)
        return Result(change.key, change.action, "unknown", change.resource_id, *what, mark=change.mark)
    problem = settled.error
    if isinstance(problem, AuthenticationError) and not isinstance(problem, ScopeMissing):
        stop.ask(problem.message, error=problem)
    if settled.outcome == "stale":
        code, fix = "S001", "plan again and look at what moved"
    else:
        code, fix = (problem.code, problem.fix) if problem else ("", "")
    what = (code, _message(settled), fix)
    return Result(change.key, change.action, settled.outcome, settled.resource_id, *what, mark=change.mark)


def _message(settled: Settled) -> str:
    if settled.error is None or settled.outcome == "stale":
        return settled.note
    return f"{settled.note}: {settled.error.message}" if settled.note else settled.error.message
