"""Several batches in flight: each waits for those it must come after, and nothing new begins once the run is to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import ObjectReceiveStream

from reconciler.errors import ReconcilerError
from reconciler.jobs.ingestion.batches import WINDOW, Batch
from reconciler.jobs.ingestion.sender import Outcome
from reconciler.jobs.stop import JobStop


@dataclass(slots=True)
class Flow:
    """Which batches are decided. ``first`` is the number of the first one that is sent; all before count as decided.

    ``failure`` ends the run after what is in flight; ``damage`` is what ended the reading: what was read before is still sent.
    """

    stop: JobStop
    first: int = 0
    failure: ReconcilerError | None = None
    damage: ReconcilerError | None = None
    _done: set[int] = field(default_factory=set)
    _low: int = field(init=False)
    _waiting: dict[int, anyio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._low = self.first

    def ending(self) -> bool:
        """Whether nothing new is to begin."""
        return self.failure is not None or self.stop.requested

    def fail(self, error: ReconcilerError) -> None:
        """End the run after what is in flight; the first error stands."""
        self.failure = self.failure or error

    def mark(self, number: int) -> None:
        """A batch is decided."""
        self._done.add(number)
        while self._low in self._done:
            self._done.remove(self._low)
            self._low += 1
        self.release(number)

    def release(self, number: int) -> None:
        """Let those go on that wait for a batch, decided or given up."""
        event = self._waiting.pop(number, None)
        if event is not None:
            event.set()

    async def decided(self, number: int) -> None:
        """Wait until a batch is decided or given up."""
        if number >= self._low and number not in self._done:
            await self._waiting.setdefault(number, anyio.Event()).wait()


async def work(
    flow: Flow,
    batches: ObjectReceiveStream[Batch],
    send: Callable[[Batch], Awaitable[Outcome]],
    decided: Callable[[Outcome], None],
) -> None:
    """One of several workers: takes batches in their order and sends each in its turn. Batches left at the end are given up."""
    async for batch in batches:
        if not flow.ending():
            await flow.decided(batch.after)
            await flow.decided(batch.number - WINDOW)
        if flow.ending():
            flow.release(batch.number)
            continue
        try:
            outcome = await send(batch)
            decided(outcome)
        except ReconcilerError as error:
            flow.fail(error)
            flow.release(batch.number)
        else:
            flow.mark(batch.number)
