"""What the operating system says of state in files, in words that say what helps."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_FULL = "make room on the disk"
_DENIED = "give this user the right to {right} {place}, and the folder that it is in"
_IN_THE_WAY = "put back the file or folder that was at {place}, or move away what is there now"
_FIXES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: "make its disk writable, or let the target keep its ledger elsewhere",
    errno.EISDIR: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ELOOP: _IN_THE_WAY,
}


def what_helps(verb: str, place: str, error: OSError) -> str:
    """What to do about an error of reading, or of doing anything else with, what is at a place."""
    right = "read" if verb == "read" else "write"
    return _FIXES.get(error.errno or 0, "check the disk that {place} is on").format(right=right, place=place)


def why_unwritable(folder: Path) -> str:
    """Why nothing can be written into a folder, as its rights say, or those of the nearest one above it that is there."""
    place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not place.is_dir():
        return os.strerror(errno.ENOTDIR)
    if os.access(place, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return ""
    return os.strerror(errno.EROFS if os.statvfs(place).f_flag & os.ST_RDONLY else errno.EACCES)
