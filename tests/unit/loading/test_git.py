"""Reading repositories through git: revisions, listings, contents, and everything that can be wrong with them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from reconciler.errors import GitError, UsageError
from reconciler.loading import git
from reconciler.loading.git import Repository
from tests.support.git import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.create(tmp_path / "repo")


def contents(repository: Repository, commit: str) -> dict[str, bytes]:
    entries = repository.entries(commit)
    read = dict(repository.read(entry.oid for entry in entries))
    return {entry.name: read[entry.oid] for entry in entries}


def test_files_of_a_folder_with_any_name(repo: Repo) -> None:
    files = {
        "a.txt": b"a",
        'quo"te.txt': b"same",
        "line\nbreak\ttab.txt": b"same",
        "-rf": b"",
        "ü/\N{SNOWMAN}": b"\x00\xff\r\n",
        ":(top)*": b"magic",
    }
    for name, content in files.items():
        repo.write(f"project/{name}", content)
    repo.write("beside.txt", "not of the project")
    commit = repo.commit()
    repository = Repository.of(repo.root / "project")
    assert repository.prefix == "project/"
    assert contents(repository, commit) == files


def test_names_that_are_no_text(repo: Repo) -> None:
    name = os.fsencode(repo.root) + b"/caf\xe9"
    Path(os.fsdecode(name)).write_bytes(b"x")
    assert contents(Repository.of(repo.root), repo.commit()) == {os.fsdecode(b"caf\xe9"): b"x"}


def test_a_folder_with_a_line_end_in_its_name(repo: Repo) -> None:
    repo.write("odd\nname\n/a", "a")
    commit = repo.commit()
    assert contents(Repository.of(repo.root / "odd\nname\n"), commit) == {"a": b"a"}


def test_modes_tell_links_and_submodules(repo: Repo, tmp_path: Path) -> None:
    (repo.root / "link").symlink_to("a")
    repo.write("a", "a")
    other = Repo.create(tmp_path / "other")
    tip = other.commit()
    repo.git("add", "--all")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{tip},module")
    repo.git("commit", "--quiet", "--message", "x")
    entries = {entry.name: entry for entry in Repository.of(repo.root).entries(repo.git("rev-parse", "HEAD"))}
    assert [entries[name].is_link for name in ("a", "link", "module")] == [False, True, False]
    assert [entries[name].is_module for name in ("a", "link", "module")] == [False, False, True]


def test_a_folder_that_was_not_there(repo: Repo) -> None:
    first = repo.commit()
    repo.write("project/a", "a")
    repo.commit()
    repository = Repository.of(repo.root / "project")
    assert repository.entries(first) == []
    repo.git("rm", "-r", "--quiet", "project")
    repo.write("project", "now a file")
    assert repository.entries(repo.commit()) == []


def test_content_comes_in_batches(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "_BATCH_BYTES", 10)
    files = {f"f{number}": b"12345%d" % number for number in range(7)}
    for name, content in files.items():
        repo.write(name, content)
    assert contents(Repository.of(repo.root), repo.commit()) == files


def test_revisions(repo: Repo) -> None:
    first = repo.commit("first")
    second = repo.commit("second")
    repo.git("tag", "--annotate", "--message", "x", "v1", first)
    repository = Repository.of(repo.root)
    assert [repository.commit(name) for name in ("v1", "HEAD~1", first[:10], "main")] == [first, first, first, second]
    assert repository.merge_base(first, second) == first
    repo.git("checkout", "--quiet", "--orphan", "alone")
    assert repository.merge_base(repo.commit("apart"), second) == ""


@pytest.mark.parametrize("revision", ["", "-n", "--upload-pack=touch /x", "a\nb", "\x00", "x\x1b[31m"])
def test_what_is_no_revision_is_refused_before_git_sees_it(repo: Repo, revision: str) -> None:
    repo.commit()
    with pytest.raises(UsageError, match="is not a revision"):
        Repository.of(repo.root).commit(revision)


@pytest.mark.parametrize(
    "revision", ["nowhere", "HEAD:a", ":/nothing", "0" * 40, "HEAD^{tree}", "$(touch x)", "HEAD^9"]
)
def test_a_revision_that_is_not_there(repo: Repo, revision: str) -> None:
    repo.write("a", "a")
    repo.commit()
    with pytest.raises(GitError, match="there is no revision") as caught:
        Repository.of(repo.root).commit(revision)
    assert "git fetch" in caught.value.fix
    assert sorted(path.name for path in repo.root.iterdir()) == [".git", "a"]


def test_a_shallow_clone_says_how_to_get_the_rest(repo: Repo, tmp_path: Path) -> None:
    first = repo.commit("first")
    repo.commit("second")
    repo.git("clone", "--quiet", "--depth=1", f"file://{repo.root}", str(tmp_path / "shallow"))
    with pytest.raises(GitError, match="shallow clone") as caught:
        Repository.of(tmp_path / "shallow").commit(first)
    assert "fetch-depth: 0" in caught.value.fix


def test_outside_of_any_repository(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not in a git repository"):
        Repository.of(tmp_path)


def test_inside_the_folder_of_git_itself(repo: Repo) -> None:
    with pytest.raises(GitError, match="is not in a git repository"):
        Repository.of(repo.root / ".git")


def test_without_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="git is not installed"):
        Repository.of(repo.root)


def test_a_git_that_cannot_run(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin" / "git"
    broken.parent.mkdir()
    broken.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent))
    with pytest.raises(GitError, match="git cannot be run"):
        Repository.of(repo.root)


def test_a_repository_of_somebody_else(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's own check, on the real git: it takes the owner from the environment under sudo alone."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(GitError, match="belongs to somebody else") as caught:
        Repository.of(repo.root)
    assert f"safe.directory '{repo.root}'" in caught.value.fix


def test_a_damaged_repository(repo: Repo) -> None:
    repo.write("a", "content of a")
    commit = repo.commit()
    repository = Repository.of(repo.root)
    (entry,) = repository.entries(commit)
    path = repo.root / ".git" / "objects" / entry.oid[:2] / entry.oid[2:]
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    path.unlink()
    with pytest.raises(GitError, match="lacks the object"):
        dict(repository.read([entry.oid]))


def test_a_partial_clone_fetches_nothing(repo: Repo, tmp_path: Path) -> None:
    repo.write("a", "content of a")
    commit = repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{repo.root}", str(tmp_path / "part"))
    repository = Repository.of(tmp_path / "part")
    (entry,) = repository.entries(commit)
    with pytest.raises(GitError):
        dict(repository.read([entry.oid]))


def test_the_environment_of_another_repository_does_not_count(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook: git sets these for the repository that it works on."""
    other = Repo.create(tmp_path / "other")
    other.commit("of the other")
    commit = repo.commit("of this one")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / "index"))
    assert Repository.of(repo.root).commit("HEAD") == commit


def test_nothing_of_the_repository_is_executed(repo: Repo, tmp_path: Path) -> None:
    """Hooks, filters, pagers, monitors, and a folder that pretends to be a bare repository."""
    trap = tmp_path / "sprung"
    program = f"touch {trap}"
    repo.write(".gitattributes", "* filter=trap diff=trap\n")
    repo.write("a", "a")
    commit = repo.commit()
    for name in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "core.fsmonitor", "core.pager"):
        repo.git("config", name, program)
    repo.git("config", "core.hooksPath", str(tmp_path))
    repo.git("config", "alias.ls-tree", f"!{program}")
    bare = repo.root / "bare"
    for name in ("objects", "refs"):
        (bare / name).mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (bare / "config").write_text(f'[core]\n\tbare = true\n\tfsmonitor = "{program}"\n', encoding="utf-8")
    repository = Repository.of(repo.root)
    assert contents(repository, commit)["a"] == b"a"
    with pytest.raises(GitError, match="is not in a git repository"):
        Repository.of(bare)
    assert not trap.exists()
