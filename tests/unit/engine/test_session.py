"""Running asynchronous work for a command."""

from __future__ import annotations

import anyio.lowlevel

from reconciler.engine.session import run


class Large:
    """Something such as a plan of 10,000 changes, which takes seconds to spell out."""

    spelled = False

    def __repr__(self) -> str:
        self.spelled = True
        return "large"


def test_what_work_gives_is_not_spelled_out() -> None:
    """asyncio names its task, with its result, to the signal module."""
    large = Large()

    async def work() -> Large:
        await anyio.lowlevel.checkpoint()
        return large

    assert run(work) is large
    assert not large.spelled
