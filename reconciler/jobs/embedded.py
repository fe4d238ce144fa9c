"""The embedded emulator on a loopback port, in a process of its own, for as long as a job runs.

Run as a module it is that process: settings come as one JSON line on stdin, so that no secret stands in a list of processes,
and the end of stdin is the end of the emulator, so that none outlives the job, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.errors import EmulatorFailed
from reconciler.loading.private import make_private
from reconciler.loading.project import STATE_FOLDER

_STARTING_SECONDS = 30.0
_ENDING_SECONDS = 10.0


@contextmanager
def serving_emulator(root: Path, target: str, options: Mapping[str, Any]) -> Iterator[str]:
    """Serve the target's embedded emulator and give its URL; ``options`` are further `reconciler.emulator.Settings`.

    Raises `EmulatorFailed` where it does not start.
    """
    folder = root / STATE_FOLDER / target
    try:
        make_private(folder)
    except OSError as error:
        raise EmulatorFailed(
            f"the embedded emulator cannot keep its state in {folder}: {error.strerror or error}",
            fix="make the project's folder writable, or name a target with a URL",
        ) from error
    settings = {"state": str(folder / "emulator.sqlite"), "page_size": 500, **options}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "reconciler.jobs.embedded"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A signal from the terminal goes to the job, which still has work in hand that needs the emulator.
        start_new_session=True,
    )
    try:
        yield _ready(process, settings)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _ready(process: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = threading.Timer(_STARTING_SECONDS, process.kill)
    watchdog.start()
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
        return str(json.loads(process.stdout.readline())["url"])
    except (OSError, ValueError) as error:
        raise EmulatorFailed(
            "the embedded emulator did not start", fix="try `reconciler emulator --state`, which says why"
        ) from error
    finally:
        watchdog.cancel()


def main() -> None:
    """Serve as stdin says until it ends."""
    from reconciler import emulator

    options = json.loads(sys.stdin.buffer.readline())
    for name in ("state", "action_modules", "action_env", "seed", "faults"):
        if options.get(name):
            options[name] = Path(options[name])

    def wait_for_end() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, daemon=True).start()
    emulator.serve(emulator.Settings(**options))


if __name__ == "__main__":
    main()
