"""A running emulator for tests: a real server on a real loopback port, in a thread or in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from reconciler.emulator import Settings
from reconciler.emulator.app import create_app
from reconciler.emulator.server import Server

_STARTING_SECONDS = 30

_PROCESS = """
import json, pathlib, sys
from reconciler.emulator import Settings, serve
from reconciler.emulator.settings import parse_client
options = json.loads(sys.argv[1])
if "clients" in options:
    options["clients"] = tuple(map(parse_client, options["clients"]))
paths = {name: pathlib.Path(options.pop(name)) for name in ("state", "seed", "faults") if name in options}
serve(Settings(**options, **paths))
"""


def _client(url: str, **more: Any) -> httpx.Client:
    """Make a client for plain HTTP; loading certificates for nothing would take longer than most tests."""
    return httpx.Client(base_url=url, timeout=30, trust_env=False, verify=False, **more)


@dataclass
class RunningEmulator:
    """Where the emulator is, and its controls."""

    url: str
    _http: httpx.Client = field(repr=False)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call ``/_emulator/<path>`` and give the JSON of the answer (None if empty); raises for an error status."""
        response = self._http.request(method, f"/_emulator/{path}", **({} if body is None else {"json": body}))
        if response.is_error:
            raise AssertionError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    def token(self, scope: str = "", client_id: str = "local", secret: str = "local-secret") -> str:
        """Ask for an access token; all of the client's scopes unless some are named."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = self._http.post("/oauth/token", data=form | ({"scope": scope} if scope else {}))
        return str(answer.raise_for_status().json()["access_token"])

    def client(self, scope: str = "") -> httpx.Client:
        """Give an HTTP client that is authorised; the caller closes it."""
        headers = {"Authorization": f"Bearer {self.token(scope)}"}
        return _client(self.url, headers=headers)

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Give the log of requests after number ``since``."""
        return list(self.control("GET", f"log?since={since}")["requests"])


@contextmanager
def running_emulator(**settings: Any) -> Iterator[RunningEmulator]:
    """Serve an emulator from a thread of this process; ``settings`` are those of ``reconciler.emulator.Settings``."""
    server = Server(create_app(Settings(**settings)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        assert server.ready.wait(_STARTING_SECONDS)
        with _client(server.url) as http:
            yield RunningEmulator(server.url, http)
    finally:
        server.should_exit = True
        thread.join(_STARTING_SECONDS)


@contextmanager
def emulator_process(**settings: Any) -> Iterator[RunningEmulator]:
    """Serve an emulator from a process of its own, as ``reconciler emulator`` does; stopped by SIGTERM.

    ``settings`` may be any that JSON can say, and paths; ``clients`` are written as for ``--client``.
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _PROCESS, json.dumps(settings, default=str)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with _client(url) as http:
                yield RunningEmulator(url, http)
        finally:
            process.terminate()
            assert process.wait(_STARTING_SECONDS) == 0
