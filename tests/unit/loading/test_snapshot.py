"""A project as it was committed: its manifests, the files that they use, and those that nobody should have made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.errors import InvalidProject
from reconciler.loading import snapshot as module
from reconciler.loading.bundle import build_bundle
from reconciler.loading.git import Entry, Repository
from reconciler.loading.git_tree import GitTree
from reconciler.loading.inside import NotUsable, read_text
from reconciler.loading.snapshot import Snapshot
from tests.support.git import Repo

PROJECT = "apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: p}\nspec: {}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.create(tmp_path / "repo")
    made.write("reconciler.yaml", PROJECT)
    return made


@contextmanager
def opened(repo: Repo, folder: str = "") -> Iterator[Snapshot]:
    with Snapshot.open(Repository.of(repo.root / folder), repo.commit()) as found:
        yield found


def pointer(content: bytes) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()


def test_manifests_and_project(repo: Repo) -> None:
    repo.write("manifests/b.yaml", "b: 1\n")
    repo.write("manifests/a/z.yml", b"\xff")
    repo.write("manifests/.hidden.yaml", "no")
    repo.write("manifests/note.txt", "no")
    with opened(repo) as found:
        project = found.project()
        assert (project.name, project.root) == ("p", found.folder)
        assert found.manifests(project) == ([("manifests/a/z.yml", b"\xff"), ("manifests/b.yaml", b"b: 1\n")], [])
        assert list(found.folder.iterdir()) == []


def test_what_uncommitted_work_says_does_not_count(repo: Repo) -> None:
    repo.write("manifests/a.yaml", "a: 1\n")
    repo.commit()
    with Snapshot.open(Repository.of(repo.root), repo.git("rev-parse", "HEAD")) as found:
        repo.write("manifests/a.yaml", "a: 2\n")
        repo.write("manifests/b.yaml", "b: 2\n")
        assert found.manifests(found.project())[0] == [("manifests/a.yaml", b"a: 1\n")]


def test_a_project_in_a_subfolder(repo: Repo) -> None:
    repo.write("deep/down/reconciler.yaml", PROJECT.replace("name: p", "name: q"))
    repo.write("deep/down/manifests/a.yaml", "a: 1\n")
    with opened(repo, "deep/down") as found:
        assert found.project().name == "q"
        assert [name for name, _ in found.manifests(found.project())[0]] == ["manifests/a.yaml"]
        with pytest.raises(NotUsable):
            found.reach("../../reconciler.yaml")


def test_files_are_brought_when_they_are_reached_for(repo: Repo) -> None:
    repo.write("manifests/a.yaml", "a: 1\n")
    repo.write("code/index.js", "code")
    repo.write("code/lib/x\n'y.js", b"\x00")
    repo.write("text.txt", "text\n")
    with opened(repo) as found:
        assert read_text(found.reach("text.txt")) == "text"
        assert read_text(found.reach("text.txt")) == "text"
        code = found.reach("code")
        assert sorted(path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()) == [
            "index.js",
            "lib/x\n'y.js",
        ]
        assert not (found.folder / "manifests").exists()
        assert not found.reach("nothing/here").exists()
        folder = found.folder
    assert not folder.exists()


def test_links_lead_where_they_led_and_never_out(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside", encoding="utf-8")
    repo.write("shared/lib.js", "shared")
    repo.write("code/index.js", "code")
    links = {"in.js": "index.js", "shared.js": "../shared/lib.js", "out.js": "../../secret", "etc.js": "/etc/passwd"}
    for name, target in {**links, "self.js": "self.js", "whole": "../shared"}.items():
        (repo.root / "code" / name).symlink_to(target)
    (repo.root / "text").symlink_to("../secret")
    (repo.root / "again").symlink_to("code")
    with opened(repo) as found:
        code = found.reach("again")
        assert code == found.folder / "code"
        assert (code / "in.js").read_text(encoding="utf-8") == "code"
        assert (code / "shared.js").read_text(encoding="utf-8") == "shared"
        assert (code / "whole" / "lib.js").read_text(encoding="utf-8") == "shared"
        for name in ("out.js", "etc.js", "self.js"):
            assert (code / name).is_symlink()
            assert not (code / name).exists()
        for path in found.folder.rglob("*"):
            assert path.resolve().is_relative_to(found.folder)
        with pytest.raises(NotUsable, match="leaves the project"):
            found.reach("text")


def test_the_same_bundle_as_from_the_work_tree(repo: Repo) -> None:
    from functools import partial

    from reconciler.loading.inside import inside

    repo.write("code/index.js", "module.exports = 1\n")
    repo.write("code/lib/a.js", b"\r\n\xff")
    repo.write("code/lib/skip.log", "x")
    (repo.root / "code" / "b.js").symlink_to("lib/a.js")
    with opened(repo) as found:
        there = build_bundle(found.reach, "code", ["*.log"]).bundle
    here = build_bundle(partial(inside, repo.root), "code", ["*.log"]).bundle
    assert there is not None
    assert here is not None
    assert (there.sha256, there.files) == (here.sha256, here.files)


def test_large_files_are_refused_by_their_size_without_being_read(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 1000)
    repo.write("manifests/large.yaml", b"#" * 1001)
    repo.write("code/index.js", b"x" * 5000)
    with opened(repo) as found:
        contents, problems = found.manifests(found.project())
        assert contents == []
        assert "more than 1,000 bytes" in problems[0].message
        brought = found.reach("code") / "index.js"
        assert (brought.stat().st_size, brought.read_bytes()[:1]) == (5000, b"\0")


def test_all_together_has_a_limit(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    repo.write("code/a", b"123456")
    repo.write("code/b", b"123456")
    with opened(repo) as found, pytest.raises(NotUsable, match="takes more than"):
        found.reach("code")


def test_pointers_are_known_for_what_they_are(repo: Repo) -> None:
    content = pointer(b"the real content")
    repo.write("manifests/a.yaml", content)
    repo.write("code/index.js", content)
    repo.write("code/not.js", b"version https://git-lfs.github.com/spec/v1\n")
    with opened(repo) as found:
        contents, problems = found.manifests(found.project())
        assert contents == []
        assert "Git LFS pointer" in problems[0].message
        found.reach("code")
        assert found.pointers == {hashlib.sha256(content).hexdigest(): hashlib.sha256(b"the real content").hexdigest()}


def test_submodules_are_no_files(repo: Repo, tmp_path: Path) -> None:
    tip = Repo.create(tmp_path / "other").commit()
    repo.write("code/index.js", "x")
    repo.write("manifests/a.yaml", "a: 1\n")
    repo.git("add", "--all")
    for name in ("code/module", "manifests/module", "manifests/module.yaml"):
        repo.git("update-index", "--add", "--cacheinfo", f"160000,{tip},{name}")
    repo.git("commit", "--quiet", "--message", "x")
    with Snapshot.open(Repository.of(repo.root), repo.git("rev-parse", "HEAD")) as found:
        assert [name for name, _ in found.manifests(found.project())[0]] == ["manifests/a.yaml"]
        assert [path.name for path in found.reach("code").iterdir()] == ["index.js"]


def test_names_that_only_an_attacker_makes(tmp_path: Path) -> None:
    names = ["a/../../out", "../out", ".git/config", "x/.GIT/hooks/y", "a//b", "./a", "good"]
    tree = GitTree([Entry("100644", "0", name) for name in names], {})
    assert list(tree.files) == ["good"]
    assert tree.unsafe == names[:-1]


def test_a_broken_link_to_a_manifest_is_a_finding(repo: Repo) -> None:
    (repo.root / "manifests").mkdir()
    (repo.root / "manifests" / "a.yaml").symlink_to("gone.yaml")
    with opened(repo) as found:
        contents, problems = found.manifests(found.project())
        assert contents == []
        assert [problem.mark.file for problem in problems if problem.mark] == ["manifests/a.yaml"]


def test_no_project_or_one_that_is_no_file(repo: Repo) -> None:
    (repo.root / "reconciler.yaml").unlink()
    with opened(repo) as found:
        assert not found.has_project
        with pytest.raises(InvalidProject):
            found.project()
    (repo.root / "reconciler.yaml").symlink_to("/etc/passwd")
    with opened(repo) as found, pytest.raises(InvalidProject, match="leaves the project"):
        found.project()
    (repo.root / "reconciler.yaml").unlink()
    repo.write("reconciler.yaml", pointer(b"x"))
    with opened(repo) as found, pytest.raises(InvalidProject, match="Git LFS pointer"):
        found.project()


def test_a_folder_of_manifests_that_is_missing_or_leads_out(repo: Repo) -> None:
    with opened(repo) as found, pytest.raises(InvalidProject, match="which does not exist"):
        found.manifests(found.project())
    (repo.root / "manifests").symlink_to("..")
    with opened(repo) as found, pytest.raises(InvalidProject, match="leads out of the project"):
        found.manifests(found.project())
