"""Buckets for tests: a real moto server in a process of its own, a bucket for each test, and what goes wrong on the way."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2 as httpx

from reconciler.engine.state.object_store import ObjectStore, open_object_store
from tests.support.project import Project
from tests.support.tenant_project import Setting

_SIGNED = "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
"""What a request looks like that is signed by somebody; the server does not check by whom."""

SECRET = "the-secret-access-key-of-the-tests"


@dataclass
class BucketServer:
    """A running server."""

    url: str
    _http: httpx.Client = field(repr=False)
    _made: int = 0

    def bucket(self, name: str = "") -> Bucket:
        """Make an empty bucket."""
        self._made += 1
        made = Bucket(name or f"ledgers-{self._made}", self)
        self.request("PUT", f"/{made.name}")
        return made

    def request(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        """Send a request to the server, past the tool."""
        return self._http.request(method, path, content=content)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead commands here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "the-access-key-of-the-tests",
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }


@dataclass
class Bucket:
    """One bucket; ``prefix`` is where its ledger is."""

    name: str
    server: BucketServer
    prefix: str = "cxone/prod"

    @property
    def url(self) -> str:
        """The ledger's URL; its leases last four seconds."""
        return f"s3://{self.name}/{self.prefix}?lease=4"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead commands here."""
        return self.server.environ

    def store(self, url: str = "") -> ObjectStore:
        """Open it as a store."""
        with patch.dict("os.environ", self.environ):
            return open_object_store(url or self.url, "prod")

    def project(self, setting: Setting, folder: Path) -> Setting:
        """The same project in another folder, as a fresh clone has it: manifests and code, and nothing of an earlier run."""
        project = Project.create(folder, url=setting.emulator.url, target={"ledger": self.url})
        project.environ |= setting.project.environ | self.environ
        for name in ("manifests", "code"):
            shutil.copytree(setting.project.root / name, folder / name, dirs_exist_ok=True)
        return Setting(project, setting.emulator)

    def get(self, key: str) -> bytes:
        """An object's bytes."""
        return self.server.request("GET", f"/{self.name}/{self.prefix}/{key}").raise_for_status().content

    def put(self, key: str, data: bytes) -> None:
        """Replace an object."""
        self.server.request("PUT", f"/{self.name}/{self.prefix}/{key}", data).raise_for_status()

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.server.request("DELETE", f"/{self.name}/{self.prefix}/{key}")

    def listed(self) -> list[str]:
        """The keys of all objects in the ledger's folder."""
        listed = self.server.request("GET", f"/{self.name}?list-type=2&prefix={self.prefix}/").text
        return [key.removeprefix(f"{self.prefix}/") for key in re.findall(r"<Key>([^<]*)</Key>", listed)]

    def fault(self, method: str, key: str, times: int | None = None, **effect: Any) -> None:
        """Spoil requests for an object of the folder (globs; an empty one: for the bucket itself)."""
        path = f"/{self.name}/{self.prefix}/{key}" if key else f"/{self.name}"
        rule: dict[str, Any] = {"match": {"method": method, "path": path}, "effect": effect}
        if times is not None:
            rule["times"] = times
        self.server.request("POST", "/_faults", json.dumps({"rules": [rule]}).encode())

    def heal(self) -> None:
        """No more faults."""
        self.server.request("DELETE", "/_faults")

    def requests(self) -> list[str]:
        """What was asked of this folder so far: ``METHOD key status``."""
        start = f"/{self.name}/{self.prefix}/"
        found = self.server.request("GET", "/_log").json()["requests"]
        return [
            f"{item['method']} {item['path'].removeprefix(start)} {item['status']}"
            for item in found
            if item["path"].startswith(f"/{self.name}")
        ]


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    """Start a server; it ends with the context, or with this process."""
    command = [sys.executable, "-m", "tests.support.bucket_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(
                base_url=url, timeout=60, trust_env=False, verify=False, headers={"Authorization": _SIGNED}
            ) as http:
                yield BucketServer(url, http)
        finally:
            process.stdin.close()
            process.wait(30)
