"""One limiter per target: how many requests are in flight, and when the next one may leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from reconciler.cxone.rate import RateController
from reconciler.cxone.timing import Timing


class Limiter:
    """Holds requests back until their turn. All waiting is here, so that a pause asked of one request slows down all."""

    def __init__(self, *, requests_per_second: float | None, max_concurrency: int, timing: Timing) -> None:
        self._timing = timing
        self._controller = RateController(requests_per_second, timing.monotonic())
        self._in_flight = anyio.Semaphore(max_concurrency)
        self._turn = anyio.Lock()

    @property
    def rate(self) -> float | None:
        """Requests per second at present; None where only the number in flight bounds them."""
        return self._controller.rate

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Wait for a place and a turn; gives the time (monotonic seconds) at which the request may leave."""
        async with self._in_flight:
            async with self._turn:
                while (delay := self._controller.delay(self._timing.monotonic())) > 0:
                    await self._timing.sleep(delay)
            yield self._timing.monotonic()

    def succeeded(self) -> None:
        """Say that the server took a request."""
        self._controller.succeeded()

    def limited(self, sent_at: float, seconds: float) -> None:
        """Say that a request, sent at ``sent_at``, was answered 429 and that all should pause for ``seconds``."""
        self._controller.limited(self._timing.monotonic(), sent_at, seconds)

    def pause(self, seconds: float) -> None:
        """Hold everybody back for ``seconds`` without slowing down afterwards (a planned outage)."""
        self._controller.pause(self._timing.monotonic(), seconds)
