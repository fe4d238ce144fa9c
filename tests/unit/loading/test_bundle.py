import hashlib
import io
import os
import time
import zipfile
from functools import partial

import pytest

from reconciler.errors import SourcesMoved
from reconciler.loading import bundle_files
from reconciler.loading.bundle import build_bundle, read_bundle
from reconciler.loading.inside import inside


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    code = root / "actions" / "enrich"
    (code / "lib").mkdir(parents=True)
    (code / "index.js").write_text("module.exports = async () => ({})\n")
    (code / "lib" / "util.js").write_bytes(b"\r\nbytes as they are\xff")
    return root


def build(root, exclude=(), path="actions/enrich"):
    return build_bundle(partial(inside, root), path, exclude)


def messages(built):
    assert built.bundle is None
    return [f"{problem.rule.code} {problem.message}" for problem in built.problems]


def test_the_zip_is_stored_sorted_and_without_traces_of_this_machine(project):
    (project / "actions" / "enrich" / "zz.js").write_text("z")
    bundle = build(project).bundle
    data = read_bundle(project, bundle)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    assert archive.namelist() == ["index.js", "lib/util.js", "zz.js"]
    for info in archive.infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.external_attr >> 16 == 0o100644
        assert info.create_system == 3
    assert archive.read("lib/util.js") == b"\r\nbytes as they are\xff"
    assert bundle.sha256 == hashlib.sha256(data).hexdigest()
    assert bundle.size == len(data)
    assert bundle.files["index.js"] == hashlib.sha256(b"module.exports = async () => ({})\n").hexdigest()


def test_the_digest_is_the_same_on_every_machine_and_python(project):
    assert build(project).bundle.sha256 == "360787392db62a9bfdee095ad2ca1362e36094794020434ee6000f1f92a38523"


def test_times_modes_and_the_order_of_creation_do_not_matter(project):
    first = build(project).bundle
    code = project / "actions" / "enrich"
    content = (code / "index.js").read_bytes()
    (code / "index.js").unlink()
    (code / "index.js").write_bytes(content)
    (code / "index.js").chmod(0o755)
    os.utime(code / "lib" / "util.js", (0, time.time() - 1e6))
    assert build(project).bundle.sha256 == first.sha256


def test_excluded_files_stay_out(project):
    code = project / "actions" / "enrich"
    for name in (
        "index.test.js",
        "lib/util.test.js",
        "lib/a.md",
        "deep/er/x.tmp",
        ".git/config",
        "node_modules/.cache/y",
    ):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text("x")
    (code / "node_modules" / "z.js").write_text("x")
    bundle = build(project, ("*.test.js", "lib/*.md", "deep/**")).bundle
    assert sorted(bundle.files) == ["index.js", "lib/util.js", "node_modules/z.js"]
    assert "deep/er/x.tmp" in build(project, ("er/*.tmp", "*/x.tmp")).bundle.files
    assert "deep/er/x.tmp" not in build(project, ("**/x.tmp",)).bundle.files
    assert "deep/er/x.tmp" not in build(project, ("deep/",)).bundle.files


def test_what_is_excluded_is_not_judged(project):
    os.mkfifo(project / "actions" / "enrich" / "pipe")
    assert build(project, ("pipe",)).bundle is not None


def test_an_index_is_needed_at_the_root(project):
    (project / "actions" / "enrich" / "index.js").rename(project / "actions" / "enrich" / "lib" / "index.js")
    assert messages(build(project)) == ["M601 actions/enrich has no index.js at its root"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("actions/none", "M601 code path actions/none does not exist"),
        ("actions/enrich/index.js", "M601 code path actions/enrich/index.js is not a folder"),
        ("../project/actions/enrich", "M602"),
        ("/etc", "M602"),
        ("outside", "M602"),
    ],
)
def test_the_folder_is_in_the_project(project, path, says):
    (project / "outside").symlink_to(project.parent)
    (found,) = messages(build(project, path=path))
    assert found.startswith(says)


def test_links_are_followed_inside_the_folder_only(project):
    code = project / "actions" / "enrich"
    (project / "secret.txt").write_text("x")
    (code / "same.js").symlink_to("lib/util.js")
    assert build(project).bundle.files["same.js"] == build(project).bundle.files["lib/util.js"]
    (code / "out.js").symlink_to(project / "secret.txt")
    (code / "folder").symlink_to("lib")
    (code / "gone").symlink_to("nothing")
    (code / "loop").symlink_to("loop")
    assert [message[:24] for message in messages(build(project))] == [
        "M603 folder is neither a",
        "M603 gone cannot be read",
        "M603 loop cannot be read",
        "M602 out.js is a link ou",
    ]


def test_special_files_and_names_are_refused(project):
    code = project / "actions" / "enrich"
    os.mkfifo(code / "pipe")
    (code / "back\\slash").write_text("x")
    (code / "new\nline").write_text("x")
    (code / os.fsdecode(b"bad\xff")).write_text("x")
    found = messages(build(project))
    assert len(found) == 4
    assert all(message.startswith("M603") for message in found)
    assert "\ud8ff" not in "".join(found)
    "".join(found).encode("utf-8")


def test_limits_are_counted_before_anything_is_read(project, monkeypatch):
    code = project / "actions" / "enrich"
    with (code / "large.bin").open("wb") as file:
        file.truncate(bundle_files.MAX_BYTES)
    assert messages(build(project)) == ["M604 enrich holds more than 50 MB"]
    (code / "large.bin").unlink()
    monkeypatch.setattr(bundle_files, "MAX_FILES", 1)
    assert messages(build(project)) == ["M604 enrich holds more than 1 files"]


def test_a_moved_source_is_noticed_when_the_zip_is_made_again(project):
    bundle = build(project).bundle
    (project / "actions" / "enrich" / "index.js").write_text("changed")
    with pytest.raises(SourcesMoved, match="another bundle"):
        read_bundle(project, bundle)
    (project / "actions" / "enrich" / "index.js").unlink()
    with pytest.raises(SourcesMoved, match=r"no index\.js"):
        read_bundle(project, bundle)
