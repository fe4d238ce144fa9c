"""Code folders that nobody should have: each ends in a clear finding, in bounded time and memory, and what is no file is not opened."""

from __future__ import annotations

import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.loading import bundle, bundle_files
from tests.support.project import Project, Ran
from tests.support.tenant_project import action

MOST_BYTES = 60_000_000
"""What checking may take at most; ten times less than the files that are offered."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.create(tmp_path / "p")
    project.write("code/index.js", "module.exports = async () => ({});\n")
    project.put("action.yaml", action("enrich"))
    return project


def refused(project: Project, *codes: str) -> Ran:
    """``validate`` and ``plan`` refuse alike, with these codes and no others."""
    ran = project.run("validate", "--format", "json").ok(78)
    found = {item["code"] for item in ran.json["diagnostics"]}
    assert found == set(codes), ran.out
    assert all(item["fix"] for item in ran.json["diagnostics"])
    return project.run("plan").ok(78)


def _link_out(code: Path) -> None:
    (code / "passwords").symlink_to("/etc/passwd")


def _link_up(code: Path) -> None:
    (code / "up").symlink_to("../../p/reconciler.yaml")


def _link_to_a_folder(code: Path) -> None:
    (code / "all").symlink_to("/")


def _link_to_itself(code: Path) -> None:
    (code / "loop").symlink_to("loop")


def _link_to_a_device(code: Path) -> None:
    (code / "zeros").symlink_to("/dev/zero")


def _pipe(code: Path) -> None:
    os.mkfifo(code / "pipe")


def _link_to_a_pipe(code: Path) -> None:
    os.mkfifo(code / "pipe")
    (code / "through").symlink_to("pipe")


def _backslash(code: Path) -> None:
    (code / "a\\b.js").write_text("")


def _escape(code: Path) -> None:
    (code / "\x1b[2J.js").write_text("")


def _no_text(code: Path) -> None:
    (code / os.fsdecode(b"\xff.js")).write_text("")


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_link_out, "M602"),
        (_link_up, "M602"),
        (_link_to_a_folder, "M602"),
        (_link_to_itself, "M603"),
        (_link_to_a_device, "M602"),
        (_pipe, "M603"),
        (_link_to_a_pipe, "M603"),
        (_backslash, "M603"),
        (_escape, "M603"),
        (_no_text, "M603"),
    ],
)
def test_what_is_no_file_of_the_folder(project: Project, make: Callable[[Path], None], code: str) -> None:
    make(project.root / "code")
    refused(project, code)


@pytest.mark.parametrize("path", ["..", "../p/code", "/etc", "code/../..", "code/../../p", "link", "index\\..\\.."])
def test_a_folder_outside(project: Project, path: str) -> None:
    (project.root / "link").symlink_to("/etc")
    project.put("action.yaml", action("enrich", code={"path": path}))
    ran = project.run("validate", "--format", "json").ok(78)
    assert {item["code"] for item in ran.json["diagnostics"]} <= {"M601", "M602"}


def test_a_socket(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root / "code")  # a socket's path may have a hundred characters
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("s")
        refused(project, "M603")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device files")
def test_a_device(project: Project) -> None:
    try:
        os.mknod(project.root / "code" / "zeros", 0o020666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("no device files can be made here")
    refused(project, "M603")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(project: Project) -> None:
    (project.root / "code" / "index.js").chmod(0)
    refused(project, "M603")


def test_ten_gigabytes_are_not_read(project: Project) -> None:
    with (project.root / "code" / "large.bin").open("wb") as file:
        file.truncate(10 * 1024**3)
    tracemalloc.start()
    try:
        refused(project, "M604")
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


def test_a_file_that_grows_while_it_is_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small when it was looked at, ten gigabytes when it is read: no more is read than a bundle may have."""
    scan = bundle.scan

    def growing(folder: Path, exclude: tuple[str, ...]) -> object:
        found = scan(folder, exclude)
        with (folder / "index.js").open("ab") as file:
            file.truncate(10 * 1024**3)
        return found

    monkeypatch.setattr(bundle, "scan", growing)
    refused(project, "M604")


@pytest.mark.parametrize("becomes", ["nothing", "pipe", "link", "folder"])
def test_a_file_that_becomes_something_else(project: Project, monkeypatch: pytest.MonkeyPatch, becomes: str) -> None:
    scan = bundle.scan

    def changing(folder: Path, exclude: tuple[str, ...]) -> object:
        found = scan(folder, exclude)
        index = folder / "index.js"
        if index.is_file():
            index.unlink()
        if becomes == "pipe" and not index.exists():
            os.mkfifo(index)
        elif becomes == "link" and not index.is_symlink():
            index.symlink_to("/etc/passwd")
        elif becomes == "folder":
            index.mkdir(exist_ok=True)
        return found

    monkeypatch.setattr(bundle, "scan", changing)
    ran = project.run("validate", "--format", "json").ok(78)
    assert {item["code"] for item in ran.json["diagnostics"]} == {"M603"}


def test_a_hundred_thousand_files(project: Project) -> None:
    """Counting ends at the limit; what was offered beyond it was not looked at one by one."""
    folder = project.root / "code" / "many"
    folder.mkdir()
    (folder / "0").write_text("")
    looked_at = 0
    judge = bundle_files._judge

    def counted(*arguments: object) -> object:
        nonlocal looked_at
        looked_at += 1
        return judge(*arguments)  # type: ignore[arg-type]

    for number in range(1, 100_000):
        os.link(folder / f"{(number - 1) // 30_000 * 30_000}", folder / f"{number}") if number % 30_000 else (
            folder / f"{number}"
        ).write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle_files, "_judge", counted)
        project.run("validate", "--format", "json").ok(78)
    assert looked_at <= bundle_files.MAX_FILES + 2
    refused(project, "M604")


def test_a_folder_that_is_deep(project: Project) -> None:
    """Deeper than a path may be long, made step by step as such things are."""
    here = os.open(project.root / "code", os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    refused(project, "M603")


def test_what_changed_since_the_plan_is_not_sent(project: Project) -> None:
    """By the time of apply a file has become a link to a secret: nothing of it leaves."""
    project.run("plan", "--out", "plan.json").ok()
    index = project.root / "code" / "index.js"
    index.unlink()
    index.symlink_to("/etc/passwd")
    ran = project.run("apply", "plan.json", "--no-input")
    assert ran.trace == ""
    assert ran.code in (5, 78), ran.all
    assert project.control("GET", "state")["resources"]["DataAction"] == []
