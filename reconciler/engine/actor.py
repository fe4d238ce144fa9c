"""Who runs a command, as locks and logs name them."""

from __future__ import annotations

import getpass
import os
import socket


def actor() -> str:
    """Who runs this, for locks and logs: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
