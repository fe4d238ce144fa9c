"""Which process carries a sync out, and whether it still can: a state file is used by processes of one machine only."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_here: set[str] = set()
"""The owners that are at work in this process."""


def new_owner() -> str:
    """Give a name for somebody who begins to work in this process."""
    pid = os.getpid()
    owner = f"{socket.gethostname()} {pid} {_started(pid)} {secrets.token_hex(8)}"
    _here.add(owner)
    return owner


def retire(owner: str) -> None:
    """Note that an owner has stopped, though its process goes on."""
    _here.discard(owner)


def is_at_work(owner: str | None) -> bool:
    """Say whether an owner is still there to do its work."""
    if owner is None:
        return False
    host, pid, started, _ = owner.rsplit(" ", 3)
    if host != socket.gethostname():
        return False
    if int(pid) == os.getpid():
        return owner in _here
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """Give when a process began, by which it differs from a later one with its number; "-" where that can't be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except OSError:
        return "-"
