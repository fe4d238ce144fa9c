"""Applying: ready changes side by side, dependents after what they need, and an account of every single one."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

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

    def first(self) -> list[Change]:
        """The changes that wait for none."""
        return [self.changes[key] for key, needs in self.waiting.items() if not needs]

    def over(self) -> bool:
        """Whether all changes ended."""
        return len(self.results) == len(self.changes)

    def ended(self, result: Result) -> list[Change]:
        """Note a result; returns the changes that became ready by it."""
        self.results[result.key] = result
        ready = []
        for key in self.followers[result.key]:
            self.waiting[key] -= 1
            if not self.waiting[key]:
                ready.append(self.changes[key])
        return ready

    def blocked_by(self, change: Change) -> Key | None:
        """The first key that this change needed and that was not applied."""
        return next(
            (key for key in change.after if key in self.results and self.results[key].outcome != "applied"), None
        )


@dataclass(slots=True)
class _Turns:
    """Hands out changes in the order in which they became ready; ends once all of them did. ``ready`` is told of each in turn."""

    schedule: _Schedule
    ready: Callable[[Change], None]
    _queue: MemoryObjectSendStream[Change] = field(init=False)
    _next: MemoryObjectReceiveStream[Change] = field(init=False)

    def __post_init__(self) -> None:
        self._queue, self._next = anyio.create_memory_object_stream[Change](math.inf)

    def __enter__(self) -> _Turns:
        self._add(self.schedule.first())
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.close()
        self._next.close()

    async def each(self, carry_out: Callable[[Change], Awaitable[Result]]) -> None:
        """Carry out one change after the other; what one made ready has its turn behind all that was ready before."""
        async for change in self._next:
            self._add(self.schedule.ended(await carry_out(change)))

    def _add(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if self.schedule.blocked_by(change) is None:
                self.ready(change)
            self._queue.send_nowait(change)
        if self.schedule.over():
            self._queue.close()


async def apply_changes(
    changes: Sequence[Change],
    perform: Perform,
    *,
    parallelism: int,
    stop: Stop,
    listen: Listener,
    ready: Callable[[Change], None],
) -> list[Result]:
    """Carry out changes in dependency order, at most ``parallelism`` at a time; one result for each, in plan order.

    A failure skips what depends on it, and only that. After ``stop`` is asked for, nothing new begins. ``ready`` is told of each
    change that waits for nothing but its turn, in the order of their turns.
    """
    schedule = _Schedule.of(changes)

    async def carry_out(change: Change) -> Result:
        result = await _one(schedule, change, perform, stop)
        listen(result)
        return result

    try:
        with _Turns(schedule, ready) as turns:
            async with anyio.create_task_group() as group:
                for _ in range(max(1, min(parallelism, len(changes)))):
                    group.start_soon(turns.each, carry_out)
    except BaseExceptionGroup as error:
        raise first_error(error) from error
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
