"""Finding and loading files."""

import gc
import os

import pytest

from reconciler.errors import InvalidProject, UsageError
from reconciler.loading.yaml import discover, load_files
from tests.support.privileges import unprivileged


def write(root, *names, text="a: 1\n"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def found(root, *folders):
    return [path.relative_to(root).as_posix() for path in discover(root, folders)]


def test_yaml_files_are_found_in_order(tmp_path):
    write(
        tmp_path,
        "m/b.yaml",
        "m/a.yml",
        "m/sub/c.yaml",
        "m/README.md",
        "m/.hidden.yaml",
        "m/.git/x.yaml",
        "n/z.yaml",
        "m/a/1.yaml",
    )
    assert found(tmp_path, "m") == ["m/a.yml", "m/a/1.yaml", "m/b.yaml", "m/sub/c.yaml"]
    assert found(tmp_path, "n", "m/b.yaml", "m/README.md", tmp_path / "m" / "b.yaml") == [
        "m/README.md",
        "m/b.yaml",
        "n/z.yaml",
    ]
    assert found(tmp_path, ".") == found(tmp_path, "n", "m")


@pytest.mark.parametrize("name", ["..", "../other", "/", "m/../../x"])
def test_outside_is_refused(tmp_path, name):
    root = tmp_path / "project"
    write(root, "m/a.yaml")
    with pytest.raises(UsageError, match="outside the project"):
        discover(root, [name])


def test_missing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nope does not exist"):
        discover(tmp_path, ["nope"])


def test_links_inside_the_project_give_each_file_once(tmp_path):
    write(tmp_path, "m/a.yaml", "other/b.yaml")
    (tmp_path / "m" / "0-link.yaml").symlink_to("a.yaml")
    (tmp_path / "m" / "linked").symlink_to("../other")
    (tmp_path / "m" / "loop").symlink_to(".")
    assert found(tmp_path, "m") == ["m/a.yaml", "m/linked/b.yaml"]


@pytest.mark.parametrize("target", ["outside", "outside/x.yaml"])
def test_links_out_of_the_project_are_refused(tmp_path, target):
    write(tmp_path, "outside/x.yaml", "project/m/a.yaml")
    (tmp_path / "project" / "m" / "link.yaml").symlink_to(tmp_path / target)
    with pytest.raises(InvalidProject, match=r"m/link\.yaml leads out of the project"):
        discover(tmp_path / "project", ["m"])
    (tmp_path / "project" / "m" / "link.yaml").rename(tmp_path / "project" / "m" / "link.txt")
    if target.endswith(".yaml"):
        assert found(tmp_path / "project", "m") == ["m/a.yaml"]


@pytest.mark.parametrize("target", ["../.git/credentials", "../.git"])
def test_what_belongs_to_git_is_no_manifest(tmp_path, target):
    """Checkouts leave tokens there, and what is wrong with a manifest is quoted."""
    write(tmp_path, ".git/credentials", "m/a.yaml")
    (tmp_path / "m" / "link.yaml").symlink_to(target)
    with pytest.raises(InvalidProject, match=r"m/link\.yaml leads to what belongs to git"):
        discover(tmp_path, ["m"])
    with pytest.raises(UsageError, match="belongs to git"):
        discover(tmp_path, [target.removeprefix("../")])


def test_a_file_that_is_too_large_is_a_finding_and_not_read(tmp_path):
    write(tmp_path, "m/a.yaml")
    with (tmp_path / "m" / "b.yaml").open("wb") as file:
        file.truncate(2**40)
    documents, diagnostics = load_files(discover(tmp_path, ["m"]), tmp_path)
    assert [item.file for item in documents] == ["m/a.yaml"]
    assert [(item.rule.code, str(item.mark)) for item in diagnostics] == [("M112", "m/b.yaml:1:1")]
    assert "more than 50,000,000 bytes" in diagnostics[0].message


def test_a_project_behind_a_link(tmp_path):
    write(tmp_path, "real/m/a.yaml")
    (tmp_path / "link").symlink_to("real")
    assert found(tmp_path / "link", "m") == ["m/a.yaml"]
    assert found(tmp_path / "real", tmp_path / "link" / "m") == ["m/a.yaml"]
    documents, _ = load_files(discover(tmp_path / "link", ["m"]), tmp_path / "link")
    assert [item.file for item in documents] == ["m/a.yaml"]


def test_a_broken_link_is_a_finding(tmp_path):
    write(tmp_path, "m/a.yaml")
    (tmp_path / "m" / "b.yaml").symlink_to("nothing")
    documents, diagnostics = load_files(discover(tmp_path, ["m"]), tmp_path)
    assert [item.file for item in documents] == ["m/a.yaml"]
    assert [(item.rule.code, str(item.mark)) for item in diagnostics] == [("M112", "m/b.yaml:1:1")]


def test_documents_come_in_order_of_path_and_place(tmp_path):
    write(tmp_path, "b.yaml", text="x: 1\n---\nx: 2\n")
    write(tmp_path, "a.yaml", text="x: 3\n")
    write(tmp_path, "bad.yaml", text="x: [\n")
    files = [tmp_path / name for name in ("bad.yaml", "b.yaml", "a.yaml", "b.yaml")]
    documents, diagnostics = load_files(files, tmp_path)
    assert [(item.file, item.index, item.value["x"]) for item in documents] == [
        ("a.yaml", 0, 3),
        ("b.yaml", 0, 1),
        ("b.yaml", 1, 2),
    ]
    assert [item.mark.file for item in diagnostics] == ["bad.yaml"]


def test_findings_of_all_files_are_gathered_in_order(tmp_path):
    write(tmp_path, "z.yaml", "a.yaml", text="x: 1\nx: 2\n---\ny: [\n")
    (tmp_path / "folder.yaml").mkdir()
    files = [tmp_path / name for name in ("z.yaml", "folder.yaml", "a.yaml", "gone.yaml")]
    _, diagnostics = load_files(files, tmp_path)
    places = [(item.mark.file, item.rule.code) for item in diagnostics]
    assert places == [
        ("a.yaml", "M102"),
        ("a.yaml", "M101"),
        ("folder.yaml", "M112"),
        ("gone.yaml", "M112"),
        ("z.yaml", "M102"),
        ("z.yaml", "M101"),
    ]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    _, diagnostics = load_files([tmp_path / "pipe.yaml"], tmp_path)
    assert "not a regular file" in diagnostics[0].message


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(tmp_path, enabled):
    write(tmp_path, "a.yaml")
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        load_files([tmp_path / "a.yaml"], tmp_path)
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.parametrize("target", ["a", "nothing"])
def test_a_link_that_leads_nowhere_may_have_been_a_folder(tmp_path, target):
    """A submodule that is not checked out must not look like manifests that were deleted."""
    write(tmp_path, "m/b.yaml")
    (tmp_path / "m" / "a").symlink_to(target)
    with pytest.raises(InvalidProject, match="the symbolic link m/a leads nowhere"):
        discover(tmp_path, ["m"])
    (tmp_path / "m" / "a").rename(tmp_path / "m" / ".a")
    assert found(tmp_path, "m") == ["m/b.yaml"]


def test_what_has_a_manifests_name_and_is_no_file_is_a_finding(tmp_path):
    write(tmp_path, "m/b.yaml")
    os.mkfifo(tmp_path / "m" / "pipe.yaml")
    _, diagnostics = load_files(discover(tmp_path, ["m"]), tmp_path)
    assert [(item.rule.code, item.mark.file) for item in diagnostics] == [("M112", "m/pipe.yaml")]


@pytest.mark.parametrize("folder", ["m", "m/below"])
def test_a_folder_that_cannot_be_read_is_refused(tmp_path, folder):
    write(tmp_path, "m/b.yaml", "m/below/c.yaml")
    (tmp_path / folder).chmod(0)
    try:
        with unprivileged(), pytest.raises(InvalidProject, match=f"the folder {folder} cannot be read"):
            discover(tmp_path, ["m"])
    finally:
        (tmp_path / folder).chmod(0o700)
