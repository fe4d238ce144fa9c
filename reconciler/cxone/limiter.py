"""One limiter per target: how many requests are in flight, and when the next one may leave."""

from __future__ import annotations

from types import TracebackType

import anyio

from reconciler.cxone.rate import RateController
from reconciler.cxone.timing import Timing


class Limiter:
    """Holds requests back until their turn. All waiting is here, so that a pause asked of one request slows down all."""

    def __init__(self, *, requests_per_second: float | None, max_concurrency: int, timing: Timing) -> None:
        self._timing = timing
        self._controller = RateController(requests_per_second, timing.monotonic())
        self._in_flight = anyio.Semaphore(max_concurrency, fast_acquire=True)
        self._turn = anyio.Lock(fast_acquire=True)

    @property
    def rate(self) -> float | None:
        """Requests per second at present; None where only the number in flight bounds them."""
        return self._controller.rate

    def slot(self) -> Slot:
        """A place among those in flight: ``async with limiter.slot() as sent_at``."""
        return Slot(self)

    async def enter(self) -> float:
        """Wait for a place and a turn; gives the time (monotonic seconds) at which the request may leave."""
        await self._in_flight.acquire()
        try:
            async with self._turn:
                while (delay := self._controller.delay(self._timing.monotonic())) > 0:
                    await self._timing.sleep(delay)
        except BaseException:
            self._in_flight.release()
            raise
        return self._timing.monotonic()

    def leave(self) -> None:
        """Give a place to another request."""
        self._in_flight.release()

    def succeeded(self) -> None:
        """Say that the server took a request."""
        self._controller.succeeded()

    def limited(self, sent_at: float, seconds: float) -> None:
        """Say that a request, sent at ``sent_at``, was answered 429 and that all should pause for ``seconds``."""
        self._controller.limited(self._timing.monotonic(), sent_at, seconds)

    def pause(self, seconds: float) -> None:
        """Hold everybody back for ``seconds`` without slowing down afterwards (a planned outage)."""
        self._controller.pause(self._timing.monotonic(), seconds)


class Slot:
    """A request's place, held for as long as its context lasts."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def __aenter__(self) -> float:
        return await self._limiter.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._limiter.leave()
