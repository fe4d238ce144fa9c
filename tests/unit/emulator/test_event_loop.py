"""The loop that answers leave on time by: never early, and still awake for whatever comes."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import time
from typing import Any
from unittest.mock import patch

import pytest

from reconciler.emulator import event_loop
from reconciler.emulator.event_loop import precise_loop


def test_no_timer_is_early() -> None:
    async def slept(seconds: float) -> float:
        begun = time.monotonic()
        await asyncio.sleep(seconds)
        return time.monotonic() - begun

    with asyncio.Runner(loop_factory=precise_loop) as runner:
        for seconds in (0.0001, 0.0015, 0.0049):
            assert runner.run(slept(seconds)) >= seconds


@pytest.mark.skipif(sys.platform != "linux", reason="only epoll counts in milliseconds")
def test_epoll_is_never_asked_to_wait_for_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float | None] = []
    usual = selectors.EpollSelector.select

    def select(self: Any, timeout: float | None = None) -> Any:
        waited.append(timeout)
        return usual(self, timeout)

    monkeypatch.setattr(selectors.EpollSelector, "select", select)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(asyncio.sleep(0.001))
    assert waited
    assert not any(waited)


def test_what_comes_is_seen_while_a_timer_runs() -> None:
    async def echoed() -> bytes:
        reader, writer = await asyncio.open_connection(sock=here)
        asyncio.get_running_loop().call_later(3600, writer.close)
        writer.write(b"asked")
        await asyncio.to_thread(lambda: there.sendall(there.recv(5)))
        found = await reader.readexactly(5)
        writer.close()
        await writer.wait_closed()
        return found

    here, there = socket.socketpair()
    with there, asyncio.Runner(loop_factory=precise_loop) as runner:
        assert runner.run(echoed()) == b"asked"


def test_with_too_many_open_files_it_is_the_usual_loop() -> None:
    with patch.object(event_loop, "_HIGHEST", -1):
        loop = precise_loop()
    selector: selectors.BaseSelector = vars(loop)["_selector"]
    assert type(selector) is selectors.DefaultSelector
    loop.close()
