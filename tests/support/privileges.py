"""Root as an ordinary user where files are concerned: their modes count, as they do for everybody else."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION_3 = 0x20080522
_OVERRIDES = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7))."""


@contextmanager
def unprivileged() -> Iterator[None]:
    """Do without root's right to read and write everything, in this thread and those that it starts.

    Nothing changes for another user. A test is skipped where root cannot give the right up for a while.
    """
    if os.geteuid() != 0:
        yield
        return
    library = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", _VERSION_3, 0)
    held = ctypes.create_string_buffer(24)  # effective, permitted and inheritable, each in two halves
    if library.capget(header, held) != 0:
        pytest.skip("capabilities cannot be read here")
    effective, *others = struct.unpack("=6I", held.raw)
    if library.capset(header, struct.pack("=6I", effective & ~_OVERRIDES, *others)) != 0:
        pytest.skip("root cannot do without its rights here")
    try:
        yield
    finally:
        assert library.capset(header, held) == 0
