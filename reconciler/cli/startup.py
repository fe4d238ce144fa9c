"""What has to be loaded in one piece before a command begins."""

from __future__ import annotations

from reconciler.interrupts import ctrl_c_waits


def load_unbroken() -> None:
    """Load orjson while Ctrl-C waits.

    Its initialisation takes an import that was broken off for one that went well, and ends the process by a segmentation fault.
    """
    with ctrl_c_waits():
        import orjson  # noqa: F401
