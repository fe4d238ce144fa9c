"""``drift --watch``: a real process that looks at a real server until it is stopped, and tells what changes, once."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from reconciler.engine import watch
from reconciler.engine.session import Session
from tests.support.cxone import closed_port
from tests.support.emulator import RunningEmulator, emulator_process
from tests.support.loopback import Call, Reply, loopback_server
from tests.support.project import Project
from tests.support.tenant_project import action, dataset


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with emulator_process() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, emulator: RunningEmulator) -> Project:
    made = Project.create(tmp_path / "project", url=emulator.url)
    made.put("people.yaml", dataset("people"))
    made.apply()
    return made


def edit(emulator: RunningEmulator, description: str) -> None:
    body = {"kind": "Dataset", "name": "people", "patch": {"description": description}, "by": "maria@console"}
    emulator.control("POST", "edit", body)


@contextmanager
def watching(project: Project, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A watch that has looked once."""
    with project.spawn("drift", "--watch", "0.02", *more) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> str:
    """Stop the watch; gives what it said on stderr."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    return err


def receiver(*statuses: int) -> Any:
    answers = iter(statuses)

    def handle(_: Call) -> Reply:
        return Reply(next(answers, 200), {})

    return loopback_server(handle)


def test_changes_are_told_once_and_quiet_rounds_cost_nothing(project: Project, emulator: RunningEmulator) -> None:
    with receiver() as hook, watching(project, "--webhook", hook.url + "/in", "--format", "json") as process:
        assert '"event":"no-drift"' in line(process)
        start = len(emulator.requests())
        edit(emulator, "console")
        first = hook.wait_for(1)[0].json()
        assert line(process).rstrip("\n").encode() == hook.calls[0].body
        assert first["event"] == "drift"
        assert first["target"] == "local"
        changed = {"key": "Dataset/people", "reason": "changed", "fields": ["description"]}
        assert [{name: item[name] for name in changed} for item in first["resources"]] == [changed]
        assert first["resources"][0]["lastModifiedBy"] == "maria@console"
        assert "console" not in str(first["resources"][0]["fields"])
        edit(emulator, "first")
        assert hook.wait_for(2)[1].json()["event"] == "no-drift"
        _quiet_rounds(emulator, len(emulator.requests()), 5)
        assert ended(process) == ""
        assert len(hook.calls) == 2
    full = [item for item in emulator.requests()[start:] if item["status"] == 200 and item["method"] == "GET"]
    assert len(full) == 2


def _quiet_rounds(emulator: RunningEmulator, since: int, count: int) -> None:
    """Wait until the watch has looked so many times."""
    while len(emulator.requests(since)) < count:
        pass


def test_what_was_told_is_not_told_again(project: Project, emulator: RunningEmulator) -> None:
    edit(emulator, "console")
    with receiver() as hook:
        for _ in range(2):
            with watching(project, "--webhook", hook.url) as process:
                assert "1 drifted" in line(process)
                hook.wait_for(1)
                _quiet_rounds(emulator, len(emulator.requests()), 3)
                ended(process, signal.SIGINT)
        assert len(hook.calls) == 1


def test_what_cannot_be_kept_is_told_once_by_a_run(project: Project, emulator: RunningEmulator) -> None:
    (project.root / ".reconciler" / "local" / "drift-watch.json").mkdir()
    edit(emulator, "console")
    with receiver() as hook, watching(project, "--webhook", hook.url) as process:
        hook.wait_for(1)
        _quiet_rounds(emulator, len(emulator.requests()), 3)
        edit(emulator, "first")
        hook.wait_for(2)
        _quiet_rounds(emulator, len(emulator.requests()), 3)
        assert ended(process) == ""
        assert [call.json()["event"] for call in hook.calls] == ["drift", "no-drift"]


def test_a_webhook_that_is_down_is_told_later(project: Project, emulator: RunningEmulator) -> None:
    edit(emulator, "console")
    with receiver(500, 503) as hook, watching(project, "--webhook", hook.url, "--webhook-format", "slack") as process:
        calls = hook.wait_for(3)
        assert calls[0].body == calls[2].body
        assert calls[2].json() == {
            "text": ":warning: *1 drifted* on *local*\n"
            "• Dataset/people: description, last written by maria@\u2060console"
        }
        err = ended(process)
    assert "answered 500; trying again" in err
    assert hook.url not in err


def test_an_outage_is_told_once_and_survived(project: Project, emulator: RunningEmulator) -> None:
    with receiver() as hook, watching(project, "--webhook", hook.url) as process:
        assert "No drift" in line(process)
        emulator.control(
            "POST", "faults", {"rules": [{"match": {"path": "/api/v2/*"}, "times": 3, "effect": {"status": 400}}]}
        )
        assert "cannot look for drift" in said(process)
        assert said(process) == "looking for drift works again\n"
        edit(emulator, "console")
        hook.wait_for(1)
        assert ended(process) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tenant_that_hangs_does_not_keep_it_from_stopping(
    project: Project, emulator: RunningEmulator, number: int
) -> None:
    with watching(project) as process:
        assert "No drift" in line(process)
        emulator.control(
            "POST", "faults", {"rules": [{"match": {"path": "/api/v2/*"}, "effect": {"delaySeconds": 600}}]}
        )
        while not emulator.control("GET", "faults")["rules"][0]["hits"]:
            pass
        assert ended(process, number) == ""


def test_manifests_and_ledger_are_read_again(project: Project, emulator: RunningEmulator) -> None:
    """What an apply of somebody else brought about is no drift."""
    with receiver() as hook, watching(project, "--webhook", hook.url) as process:
        assert "No drift" in line(process)
        project.put("people.yaml", dataset("people", description="second"))
        project.apply()
        project.put("people.yaml", "not: [valid")
        assert "cannot look for drift" in said(process)
        project.put("people.yaml", dataset("people", description="second"))
        edit(emulator, "console")
        hook.wait_for(1)
        ended(process)
    assert [item["key"] for item in hook.calls[0].json()["resources"]] == ["Dataset/people"]


def test_what_changes_while_it_is_read_is_read_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read may be as it was before the change, and the file then looks the same for ever."""
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    read = []

    def opened(stack: ExitStack) -> Session:
        session = stack.enter_context(Session.open(project.root, "local", debug=lambda _: None))
        read.append(len(session.workspace.bound.desired))
        project.put("people.yaml", dataset("people"), dataset("others"))
        return session

    async def look_twice() -> None:
        memory = watch._Memory()
        for _ in range(2):
            await memory.look(opened, unmanaged=False)
        await memory.close()

    anyio.run(look_twice)
    assert read == [1, 2]


def test_what_manifests_name_is_read_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts and code: what they hold is a part of what is declared."""
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    text, code = project.root / "text.txt", project.root / "code" / "index.js"
    code.parent.mkdir()
    code.write_text("module.exports = async () => ({});\n", encoding="utf-8")
    text.write_text("one", encoding="utf-8")
    project.put("people.yaml", dataset("people", description="${file:text.txt}"), action("a", code={"path": "code"}))
    for path in project.root.rglob("*"):
        os.utime(path, (1, 1))
    read = 0

    def opened(stack: ExitStack) -> Session:
        nonlocal read
        read += 1
        return stack.enter_context(Session.open(project.root, "local", debug=lambda _: None))

    async def look_after_each_change() -> list[int]:
        memory, found = watch._Memory(), []
        for change in (None, None, text, None, code):
            if change is not None:
                change.write_text(f"{change.read_text(encoding='utf-8')} ", encoding="utf-8")
                os.utime(change, (2, 2))
            await memory.look(opened, unmanaged=False)
            found.append(read)
        await memory.close()
        return found

    assert anyio.run(look_after_each_change) == [1, 1, 2, 2, 3]


def test_what_was_told_is_kept_for_its_owner_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project.environ.items():
        monkeypatch.setenv(name, value)
    previous = os.umask(0o022)
    try:
        with ExitStack() as stack:
            memory = watch._Memory()
            memory._session = stack.enter_context(Session.open(project.root, "local", debug=lambda _: None))
            shutil.rmtree(project.root / ".reconciler")
            memory.remember("drifted")
    finally:
        os.umask(previous)
    folder = project.root / ".reconciler"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "local")] == [0o700, 0o700]


def test_a_single_look_tells_once(project: Project, emulator: RunningEmulator) -> None:
    with receiver(200, 500) as hook:
        project.run("drift", "--webhook", hook.url).ok(0)
        assert hook.calls == []
        edit(emulator, "console")
        assert project.run("drift", "--webhook", hook.url).ok(2).err == ""
        assert hook.calls[0].json()["resources"][0]["key"] == "Dataset/people"
        ran = project.run("drift", RECONCILER_WEBHOOK=hook.url).ok(2)
        assert ran.err == "warning: the webhook was not told: 127.0.0.1 answered 500\n"


def test_metrics(project: Project, emulator: RunningEmulator) -> None:
    edit(emulator, "console")
    with closed_port() as port:
        pass
    with watching(project, "--metrics-port", str(port)) as process:
        assert "1 drifted" in line(process)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        ended(process)
    assert 'reconciler_drift_resources{kind="Dataset",target="local"} 1.0' in text
    assert 'reconciler_drift_up{target="local"} 1.0' in text
    for name in ("oldest_seconds", "last_run_timestamp_seconds", "last_success_timestamp_seconds", "requests_total"):
        assert f'reconciler_drift_{name}{{target="local"}}' in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--watch", "1", "--webhook", "http://example.com/x"), "--webhook takes an https:// URL"),
        (("--watch", "1", "--write-back"), "takes no --write-back"),
        (("--watch", "1", "--format", "markdown"), "takes no --write-back"),
        (("--watch", "1", "--metrics-port", "x"), "write PORT or HOST:PORT"),
        (("--metrics-port", "9000"), "goes with --watch"),
        (("--webhook", "http://example.com/x"), "--webhook takes an https:// URL"),
        (("--watch", "0"), "0.0 is not in the range"),
    ],
)
def test_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    project = Project.create(tmp_path / "project")
    ran = project.run("drift", *arguments).ok(64)
    assert ran.out == ""
    assert message in ran.err


def test_the_first_look_must_succeed(tmp_path: Path) -> None:
    """A wrong address is no outage."""
    project = Project.create(tmp_path / "project")
    project.put("people.yaml", "not: [valid")
    ran = project.run("drift", "--watch", "1").ok(78)
    assert "error[" in ran.err
