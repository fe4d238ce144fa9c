"""Files that are replaced whole: whoever reads one sees what it held before or what it holds now, never a part."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def write_atomically(
    path: Path, parts: Iterable[bytes | memoryview], *, mode: int | None = None, durable: bool = False
) -> None:
    """Replace a file, or make it, through a temporary one beside it; ``path`` is no link, for that would be replaced.

    ``mode`` is the file's, and by default only its owner may read it. ``durable`` waits until the disk has what was written,
    which matters where a crash must not leave an empty file under the name. Raises `OSError`; the file is then as it was.
    """
    # mkstemp gives mode 0600, which replacing keeps; a file's name has at most 255 bytes.
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:60]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
