"""One Node.js process for one execution: started without a shell, bounded in time, memory and output, killed as a group."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread
import orjson

from reconciler.emulator.execution.call import (
    HEAP_MEGABYTES,
    LOG_BYTES,
    OUTPUT_BYTES,
    PRINTED_BYTES,
    Call,
    Ending,
)
from reconciler.emulator.execution.workplace import Workplace, modules_folder, prepare

RUNNER = Path(__file__).with_name("runner.cjs")

_CHANNEL_BYTES = OUTPUT_BYTES + 2 * LOG_BYTES + (64 << 10)
_LINGER_SECONDS = 1.0
_CHUNK = 1 << 16


def find_node() -> str | None:
    """Give the path of this machine's Node.js, or None."""
    return shutil.which("node") or shutil.which("nodejs")


async def execute(node: str, call: Call) -> Ending:
    """Run an action once. Raises ValueError for a damaged archive and OSError where Node.js can't be started."""
    place = await anyio.to_thread.run_sync(prepare, call.code, call.modules)
    try:
        return await _Run(node, call, place).carry_out()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(place.remove)


@dataclass(slots=True)
class _Run:
    node: str
    call: Call
    place: Workplace
    _channel: bytearray = field(default_factory=bytearray)
    _printed: list[bytes] = field(default_factory=list)
    _too_much: bool = False

    async def carry_out(self) -> Ending:
        read_end, write_end = os.pipe()
        try:
            started = time.monotonic()
            try:
                process = await self._start(write_end)
            finally:
                os.close(write_end)
            async with process:
                with anyio.move_on_after(self.call.timeout_seconds) as limit:
                    try:
                        await self._attend(process, read_end)
                    finally:
                        _kill_group(process)
            ending = self._ending(process)
            ending.timed_out = limit.cancelled_caught and not ending.answered and ending.error is None
            ending.seconds = time.monotonic() - started
            return ending
        finally:
            os.close(read_end)

    async def _start(self, channel: int) -> anyio.abc.Process:
        """Start the runner, with what Node.js itself may need to start; the action's own environment follows on stdin."""
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        if self.call.modules is not None:
            environment["NODE_PATH"] = str(modules_folder(self.call.modules))
        options = (f"--max-old-space-size={HEAP_MEGABYTES}",)
        return await anyio.open_process(
            [self.node, *options, str(RUNNER), str(self.place.entry), str(channel)],
            cwd=self.place.scratch,
            env=environment,
            start_new_session=True,
            pass_fds=(channel,),
        )

    async def _attend(self, process: anyio.abc.Process, read_end: int) -> None:
        """Feed the process and take in what it writes until it ends, and a little longer for what it leaves behind."""
        assert process.stdout is not None
        assert process.stderr is not None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._feed, process)
            tasks.start_soon(self._listen, read_end, process)
            tasks.start_soon(self._keep, process.stdout)
            tasks.start_soon(self._keep, process.stderr)
            await process.wait()
            _kill_group(process)
            tasks.cancel_scope.deadline = anyio.current_time() + _LINGER_SECONDS

    async def _feed(self, process: anyio.abc.Process) -> None:
        assert process.stdin is not None
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            await process.stdin.send(orjson.dumps(self.call.message(self.place.scratch)))
            await process.stdin.aclose()

    async def _listen(self, read_end: int, process: anyio.abc.Process) -> None:
        os.set_blocking(read_end, False)
        while not self._too_much:
            await anyio.wait_readable(read_end)
            chunk = os.read(read_end, _CHUNK)
            if not chunk:
                return
            self._channel += chunk
            self._too_much = len(self._channel) > _CHANNEL_BYTES
        _kill_group(process)

    async def _keep(self, stream: anyio.abc.ByteReceiveStream) -> None:
        """Keep the first part of what is printed; the rest is read and forgotten, so that printing never blocks."""
        room = PRINTED_BYTES
        async for chunk in stream:
            if room > 0:
                self._printed.append(chunk[:room])
                room -= len(chunk)

    def _ending(self, process: anyio.abc.Process) -> Ending:
        printed = b"".join(self._printed).decode("utf-8", "replace")
        ending = Ending(exit_code=process.returncode, too_much=self._too_much, printed=printed)
        for line in bytes(self._channel).splitlines():
            try:
                record: Any = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # cut off when the process was killed, or written by the action itself
            if not isinstance(record, dict):
                continue
            if isinstance(record.get("log"), dict):
                ending.logs.append(record["log"])
            elif "output" in record:
                ending.answered, ending.output = True, record["output"]
            elif isinstance(record.get("error"), dict):
                ending.error = record["error"]
        return ending


def _kill_group(process: anyio.abc.Process) -> None:
    """Kill the process with whatever it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
