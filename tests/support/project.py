"""Projects in a folder of their own, and the command line run on them: exit code, stdout and stderr apart."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
from click.testing import CliRunner

from reconciler.cli.main import main

API_VERSION = "cxone.reconciler/v1"
CLIENT_SECRET = "local-secret"
"""The secret of the emulator's default client."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind. ``trace`` is the traceback of an error that nobody caught, empty for a clean end."""

    code: int
    out: str
    err: str
    trace: str = ""

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Stdout as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def all(self) -> str:
        """Everything that a person could have seen."""
        return self.out + self.err + self.trace

    def ok(self, code: int = 0) -> Ran:
        """Itself, if the command ended with ``code`` and without a traceback."""
        assert (self.code, self.trace) == (code, ""), f"exit {self.code}, not {code}\n{self.all}"
        return self


def manifest(kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """One manifest as data."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **metadata}, "spec": dict(spec)}


@dataclass
class Project:
    """A project folder; ``environ`` are variables that its commands see besides the process's own."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(
        cls, root: Path, *, url: str = "", stack: str = "demo", target: Mapping[str, Any] | None = None, **spec: Any
    ) -> Project:
        """Write ``reconciler.yaml``: target ``local`` is a server at ``url``, or the embedded emulator without one."""
        settings: dict[str, Any] = {"url": url or "emulator:", **(target or {})}
        project = cls(root)
        if url:
            settings.setdefault("auth", {"clientId": "local", "clientSecret": "${secret:env:TEST_CLIENT_SECRET}"})
            project.environ["TEST_CLIENT_SECRET"] = CLIENT_SECRET
        spec = {"stack": stack, "targets": {"local": settings}, **spec}
        root.mkdir(parents=True, exist_ok=True)
        (root / "manifests").mkdir(exist_ok=True)
        body = {"apiVersion": API_VERSION, "kind": "Project", "metadata": {"name": stack}, "spec": spec}
        (root / "reconciler.yaml").write_text(json.dumps(body), encoding="utf-8")
        return project

    def put(self, file: str, *manifests: Mapping[str, Any] | str) -> Path:
        """Write manifests, as data or as text, into one file of ``manifests/``."""
        path = self.root / "manifests" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in manifests]
        path.write_text("\n---\n".join(texts) + "\n", encoding="utf-8")
        return path

    def write(self, file: str, text: str) -> Path:
        """Write any file of the project."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def clear(self) -> None:
        """Remove every manifest."""
        for path in sorted((self.root / "manifests").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()

    @property
    def state(self) -> Path:
        """Where the target's ledger, journal and audit log are."""
        return self.root / ".reconciler" / "local"

    @property
    def ledger(self) -> dict[str, Any]:
        """The ledger as it is stored."""
        return dict(json.loads((self.state / "ledger.json").read_bytes()))

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The ledger's entries by key."""
        return dict(self.ledger["entries"])

    def run(self, *arguments: str, **environ: str) -> Ran:
        """Run a command in this process, in the project's folder."""
        return run(*arguments, cwd=self.root, environ={**self.environ, **environ})

    def apply(self, *arguments: str, code: int = 0, **environ: str) -> Ran:
        """``apply --yes``, which must end with ``code``."""
        return self.run("apply", "--yes", *arguments, **environ).ok(code)

    def plan(self, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
        """The plan as JSON."""
        return dict(self.run("plan", "--format", "json", *arguments, **environ).ok(code).json)

    def converged(self) -> None:
        """A plan finds nothing to do, and nothing to record."""
        plan = self.plan("--detailed-exitcode")
        assert plan["changes"] == []

    def spawn(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.root,
            env=self.environment(**environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process of its own."""
        return {**os.environ, **self.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more}

    def process(self, *arguments: str, **environ: str) -> Ran:
        """Run a command in a process of its own, to its end."""
        with self.spawn(*arguments, **environ) as process:
            out, err = process.communicate(timeout=120)
        return Ran(process.returncode, out, err)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control of the embedded emulator, past the tool."""
        from reconciler.emulator.inprocess import control
        from reconciler.engine.tenant import embedded_app

        app = embedded_app(self.root, "local")
        try:
            return anyio.run(lambda: control(app, method, path, body))
        finally:
            app.state.emulator.store.close()

    def kept(self) -> Iterator[tuple[Path, bytes]]:
        """Every file of the project but the tenant's own state, with its bytes."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not path.name.startswith("emulator.sqlite"):
                yield path, path.read_bytes()


def run(*arguments: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> Ran:
    """Run the command line as its entry point does, in this process; what escapes it is kept as a traceback."""
    thresholds = gc.get_threshold()
    runner = CliRunner()
    code, trace = 0, ""
    with (
        _folder(cwd),
        runner.isolation(env=dict(environ or {})) as (out, err, _),
        patch.object(sys, "argv", ["reconciler", *arguments]),
    ):
        try:
            main()
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 0 if leave.code is None else 1
        except BaseException as error:  # noqa: BLE001 - this is what a traceback on a terminal would show
            code, trace = 1, "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
        finally:
            gc.set_threshold(*thresholds)
            # This process lives on: what the command left behind is garbage to be collected.
            gc.unfreeze()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
    return Ran(code, _text(out), _text(err), trace)


def _text(stream: io.BytesIO) -> str:
    return stream.getvalue().decode("utf-8")


@contextmanager
def _folder(path: Path | None) -> Iterator[None]:
    before = Path.cwd()
    if path is not None:
        os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


def writes(requests: Sequence[Mapping[str, Any]]) -> list[str]:
    """The unsafe requests of an emulator's log, but those for tokens, as ``METHOD path``."""
    return [
        f"{item['method']} {item['path']}"
        for item in requests
        if item["method"] not in ("GET", "HEAD") and not item["path"].endswith("/token")
    ]
