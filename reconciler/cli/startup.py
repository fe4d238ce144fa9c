"""What has to be loaded in one piece before a command begins."""

from __future__ import annotations

import signal


def load_unbroken() -> None:
    """Load orjson while Ctrl-C waits.

    Its initialisation takes an import that was broken off for one that went well, and ends the process by a segmentation fault.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        import orjson  # noqa: F401
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
