"""Data actions in the tenant that tests execute."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.contract.emulator.bodies import ACTIONS, action, created

ANY: dict[str, Any] = {"properties": {}}


def bundle(source: str, **files: str) -> str:
    """Zip index.js, and files by name with ``_`` for the dot, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.js", source)
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return base64.b64encode(buffer.getvalue()).decode()


class Deployed:
    """An action in the tenant, and the answers that it gives."""

    def __init__(self, api: httpx.Client, source: str, files: dict[str, str], more: dict[str, Any]) -> None:
        body = {"inputs": ANY, "outputs": ANY, "environment": {}, "code": bundle(source, **files)} | more
        self.api = api
        self.resource = created(api, ACTIONS, action(**body))

    def execute(self, inputs: Any = None, **headers: str) -> httpx.Response:
        return self.api.post(
            f"{ACTIONS}/{self.resource['id']}/execute",
            json={"inputs": {} if inputs is None else inputs},
            headers=headers,
        )

    def executions(self) -> list[dict[str, Any]]:
        return list(self.api.get(f"/_emulator/actions/{self.resource['id']}/executions").json()["executions"])


Deploy = Callable[..., Deployed]


def logs_of(answer: httpx.Response) -> Any:
    return json.loads(base64.b64decode(answer.headers["x-execution-logs"]))


def alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
