"""Doing several things at once, where the first error ends all of them and comes out as itself, not wrapped in a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import anyio

T = TypeVar("T")


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], *, at_once: int) -> None:
    """Do ``work`` for every item, ``at_once`` at a time; an item is taken only when its turn comes."""
    errors: list[Exception] = []
    queue = iter(items)

    async def worker(queue: Iterator[T]) -> None:
        for item in queue:
            try:
                await work(item)
            except Exception as error:  # noqa: BLE001 - raised below, to the one who waits
                errors.append(error)
                group.cancel_scope.cancel()
                return

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(worker, queue)
    if errors:
        raise errors[0]
