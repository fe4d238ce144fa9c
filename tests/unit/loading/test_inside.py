import os

import pytest

from reconciler.loading.inside import NotUsable, inside, read_text


def test_a_path_inside_is_found(tmp_path):
    (tmp_path / "a").mkdir()
    assert inside(tmp_path, "a/b.txt") == tmp_path.resolve() / "a" / "b.txt"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a\0b"])
def test_paths_that_leave_are_refused(tmp_path, name):
    with pytest.raises(NotUsable):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["1" * 256, f"{'b' * 300}/c", "/".join(["d" * 200] * 30)])
def test_names_that_no_file_can_have_are_refused(tmp_path, name):
    with pytest.raises(NotUsable, match="longer than a path may be"):
        inside(tmp_path, name)


def test_a_link_out_is_refused_and_one_inside_is_followed(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "outside").write_text("x")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file").write_text("x")
    (root / "in").symlink_to(root / "file")
    with pytest.raises(NotUsable, match="link"):
        inside(root, "out")
    assert inside(root, "in") == (root / "file").resolve()


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"a\n", "a"), (b"a\n\n", "a\n"), (b"a\r\n", "a"), (b"a", "a"), (b"\xef\xbb\xbfa", "a"), (b"", "")],
)
def test_one_trailing_newline_is_stripped(tmp_path, data, text):
    (tmp_path / "f").write_bytes(data)
    assert read_text(tmp_path / "f") == text


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(NotUsable) as caught:
        read_text(tmp_path / "none")
    assert caught.value.absent


def test_large_binary_and_special_files_are_refused(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 11)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotUsable, match="more than 10 bytes"):
        read_text(tmp_path / "large", limit=10)
    for name, says in (("binary", "UTF-8"), ("pipe", "regular file")):
        with pytest.raises(NotUsable, match=says) as caught:
            read_text(tmp_path / name)
        assert not caught.value.absent
    with pytest.raises(NotUsable):
        read_text(tmp_path)
