"""Waiting by the emulated clock, which a control may move on at any time, from another process too."""

from __future__ import annotations

import asyncio

from reconciler.emulator.clock import Clock
from reconciler.emulator.store import Store

TICK_SECONDS = 0.05
"""How often it is looked whether something has changed."""


async def reach(moment: float, clock: Clock, store: Store) -> None:
    """Wait until the emulated clock shows ``moment``, in seconds since 1970."""
    while (left := moment - clock.now()) > 0:
        await asyncio.sleep(min(left, TICK_SECONDS))
        store.refresh()
