"""``/openapi.json``: valid, complete, and held against the server by schemathesis."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.contract.emulator.bodies import SAMPLES
from tests.support.emulator import running_emulator

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"


def described(**settings: Any) -> dict[str, Any]:
    import httpx2 as httpx

    with running_emulator(**settings) as emulator:
        answer = httpx.get(emulator.url + "/openapi.json", trust_env=False, verify=False)
        assert answer.status_code == 200
        result: dict[str, Any] = answer.json()
        return result


@pytest.mark.parametrize("pagination", ["page", "offset", "token"])
@pytest.mark.parametrize("concurrency", ["etag", "version", "none"])
def test_every_kind_is_described(pagination: str, concurrency: str) -> None:
    document = described(pagination=pagination, concurrency=concurrency)
    for sample in SAMPLES:
        item = document["paths"][sample.collection + "/{id}"]
        needed = concurrency == "etag" or (concurrency == "version" and sample.kind == "Connector")
        assert [p["name"] for p in item["patch"]["parameters"] if p["required"]] == (["If-Match"] if needed else [])
        assert ("etag" in document["components"]["schemas"][sample.kind]["properties"]) == (concurrency == "etag")
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_schemathesis_finds_nothing() -> None:
    with running_emulator() as emulator:
        emulator.control("POST", "seed", {"resources": 50})
        command = [
            SCHEMATHESIS,
            "--config-file",
            HERE / "schemathesis.toml",
            "run",
            emulator.url + "/openapi.json",
            "--header",
            f"Authorization: Bearer {emulator.token()}",
            "--phases=fuzzing,stateful",
            "--max-examples=8",
            "--generation-deterministic",
            "--continue-on-failure",
            "--no-color",
        ]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
        assert len(emulator.requests()) > 150
