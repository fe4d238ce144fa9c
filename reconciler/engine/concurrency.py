"""Running things side by side: bounded, and with the first error as itself instead of a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from reconciler.errors import ReconcilerError

T = TypeVar("T")
R = TypeVar("R")


async def side_by_side(items: Sequence[T], work: Callable[[T], Awaitable[R]], *, limit: int = 10) -> list[R]:
    """Do one piece of work for each item, at most ``limit`` at a time; answers are in the order of the items.

    The first error cancels the rest and is raised as it is.
    """
    results: dict[int, R] = {}
    gate = anyio.CapacityLimiter(max(1, limit))

    async def one(index: int, item: T) -> None:
        async with gate:
            results[index] = await work(item)

    try:
        async with anyio.create_task_group() as group:
            for index, item in enumerate(items):
                group.start_soon(one, index, item)
    except BaseExceptionGroup as group_error:
        raise first_error(group_error) from group_error
    return [results[index] for index in range(len(items))]


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a group is about: one of ours if there is any, else the first."""
    flat: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseExceptionGroup):
            waiting += error.exceptions
        else:
            flat.append(error)
    return next((error for error in flat if isinstance(error, ReconcilerError)), flat[0])
