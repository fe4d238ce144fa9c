"""The commit that a plan is stamped with, in each way that git keeps it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.engine.commit import current_commit

ONE, TWO = "1" * 40, "2" * 40


def repository(root: Path, head: str) -> Path:
    git = root / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(head + "\n", encoding="utf-8")
    return git


def test_a_branch_that_is_a_file(tmp_path: Path) -> None:
    git = repository(tmp_path, "ref: refs/heads/team/main")
    (git / "refs" / "heads" / "team").mkdir(parents=True)
    (git / "refs" / "heads" / "team" / "main").write_text(ONE + "\n", encoding="utf-8")
    (git / "packed-refs").write_text(f"{TWO} refs/heads/team/main\n", encoding="utf-8")
    assert current_commit(tmp_path) == ONE
    (tmp_path / "deep" / "project").mkdir(parents=True)
    assert current_commit(tmp_path / "deep" / "project") == ONE


def test_a_packed_branch(tmp_path: Path) -> None:
    git = repository(tmp_path, "ref: refs/heads/main")
    lines = [
        "# pack-refs with: peeled fully-peeled sorted",
        f"{ONE} refs/heads/other",
        f"{TWO} refs/heads/main",
        f"^{ONE}",
    ]
    (git / "packed-refs").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert current_commit(tmp_path) == TWO


@pytest.mark.parametrize(("head", "commit"), [(ONE, ONE), ("a" * 64, "a" * 64), ("nonsense", ""), ("1" * 39, "")])
def test_a_detached_head(tmp_path: Path, head: str, commit: str) -> None:
    repository(tmp_path, head)
    assert current_commit(tmp_path) == commit


def test_what_cannot_be_read_is_no_commit(tmp_path: Path) -> None:
    assert current_commit(tmp_path / "nowhere") == ""
    git = repository(tmp_path / "unborn", "ref: refs/heads/main")
    assert current_commit(tmp_path / "unborn") == ""
    (git / "HEAD").write_bytes(b"\xff\xfe")
    assert current_commit(tmp_path / "unborn") == ""
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / ".git").write_text("gitdir: ../gone\n", encoding="utf-8")
    assert current_commit(tmp_path / "lost") == ""


def test_a_work_tree_has_its_own_head_and_the_common_branches(tmp_path: Path) -> None:
    git = repository(tmp_path / "main", "ref: refs/heads/main")
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "side").write_text(TWO, encoding="utf-8")
    own = git / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n", encoding="utf-8")
    (own / "commondir").write_text("../..\n", encoding="utf-8")
    (tmp_path / "side").mkdir()
    (tmp_path / "side" / ".git").write_text(f"gitdir: {own}\n", encoding="utf-8")
    assert current_commit(tmp_path / "side") == TWO


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_it_is_what_git_says(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *settings, *words], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    assert current_commit(tmp_path) == git("rev-parse", "HEAD")
    git("pack-refs", "--all")
    git("worktree", "add", "--quiet", "beside")
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    assert current_commit(tmp_path) == git("rev-parse", "HEAD")
    assert current_commit(tmp_path / "beside") == git("rev-parse", "HEAD~1")
