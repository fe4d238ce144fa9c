"""Parses many files on several cores: forked workers each read a share, and send back what the parse cache would store.

YAML is most of the time of a first run over a large project. Workers are forks of this process at a moment when it has one
thread and nothing open that matters, so that they need no imports; and they hand over bytes of our own layout, which are read
as the cache's are. What a worker finds wrong in a file it leaves to the parent, who reads that file again and says so.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, Final

from reconciler.loading.yaml_source import Source

WORTHWHILE: Final = 256 * 1024
"""Bytes of YAML for each process; below twice as many, starting a worker takes longer than it saves."""

MAX_PROCESSES: Final = 8

_HEAD: Final = struct.Struct("<QQ")

Parse = Callable[[Source], bytes | None]
"""Parses one source into the bytes that the cache stores; None where there is anything to say about it."""


def processes_for(total: int) -> int:
    """How many processes so many bytes are worth; 1 where forking is not safe or not possible."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return max(1, min(MAX_PROCESSES, len(os.sched_getaffinity(0)), total // WORTHWHILE))


class Workers:
    """Forked processes that parse ``shares`` of sources while this one does something else.

    Use it as a context manager, and ask for each `part`. Nothing is left behind on the way out, whatever happens.
    """

    def __init__(self, sources: Sequence[Source], shares: Sequence[Sequence[int]], parse: Parse) -> None:
        # All forks come before the first thread: a fork of a process with several is not safe.
        self._children: list[tuple[int, int]] = []
        for share in shares:
            try:
                self._children.append(_start(sources, share, parse))
            except OSError:
                # No process or no pipe to be had: what nobody took over is parsed in the ordinary way.
                break
        started = shares[: len(self._children)]
        self._owners = {position: number for number, share in enumerate(started) for position in share}
        self._received: dict[int, bytes] = {}
        self._ended: set[int] = set()
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._receive, args=(number, read_end), daemon=True)
            for number, (_, read_end) in enumerate(self._children)
        ]

    def __enter__(self) -> Workers:
        for reader in self._readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        for pid, _end in self._children:
            # Whoever still works does so for nobody: all parts were asked for, or none is wanted any more.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        for reader in self._readers:
            reader.join()

    def part(self, position: int) -> bytes | None:
        """What came of one source, as soon as it is there; it is given once.

        None where something is wrong with the source, or its worker failed: parse it in the ordinary way.
        """
        owner = self._owners.get(position)
        with self._news:
            self._news.wait_for(lambda: position in self._received or owner is None or owner in self._ended)
            return self._received.pop(position, None) or None

    def _receive(self, number: int, read_end: int) -> None:
        try:
            with os.fdopen(read_end, "rb") as stream:
                for position, part in _frames(stream):
                    with self._news:
                        self._received[position] = part
                        self._news.notify()
        finally:
            with self._news:
                self._ended.add(number)
                self._news.notify()


def shared_out(sizes: Sequence[int], count: int) -> list[list[int]]:
    """Divide positions into ``count`` shares of about the same size in bytes, so that what comes first is done first."""
    shares: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for position, size in enumerate(sizes):
        least = loads.index(min(loads))
        shares[least].append(position)
        loads[least] += size
    return shares


def _start(sources: Sequence[Source], share: Sequence[int], parse: Parse) -> tuple[int, int]:
    """Fork a worker; returns its process id and the end of the pipe to read from. Raises `OSError`."""
    read_end, write_end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid == 0:
        # Nothing of the parent's may run twice: no exit handlers, no buffers of streams, no traceback on its stderr.
        code = 1
        try:
            os.close(read_end)
            with os.fdopen(write_end, "wb") as stream:
                _work(stream, sources, share, parse)
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    return pid, read_end


def _work(stream: BinaryIO, sources: Sequence[Source], share: Sequence[int], parse: Parse) -> None:
    for position in share:
        part = parse(sources[position]) or b""
        stream.write(_HEAD.pack(position, len(part)))
        stream.write(part)
        stream.flush()


def _frames(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The parts that arrive whole, empty where there is something to say; a worker that was killed may leave a piece."""
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        position, length = _HEAD.unpack(head)
        part = stream.read(length)
        if len(part) < length:
            return
        yield position, part
