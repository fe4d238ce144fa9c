"""Clock, sleep and chance, handed in, so that tests of waiting never wait."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True)
class Timing:
    """What the client knows of time.

    ``monotonic`` gives seconds for measuring, ``wall`` seconds since the epoch (for HTTP dates), ``sleep`` waits for seconds,
    ``chance`` gives numbers in [0, 1) for jitter.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = random.SystemRandom().random
