"""The code archive: what is refused, and that nobody's size claims are believed."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.archive import MAX_UNPACKED_BYTES, CodeArchive, archive_problem
from reconciler.emulator.errors import Problem
from reconciler.emulator.kind import Blob


def zipped(*names: str, content: bytes = b"module.exports = 1", method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_proper_archive_is_accepted(method: int) -> None:
    assert archive_problem(zipped("index.js", "lib/a.js", method=method)) is None


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((), "index.js is missing"),
        (("src/index.js",), "index.js is missing"),
        (("index.js", "../evil.js"), "relative path"),
        (("index.js", "a/../../evil.js"), "relative path"),
        (("index.js", "/etc/passwd"), "relative path"),
        (("index.js", "a\\b.js"), "relative path"),
        (("index.js", "C:/a.js"), "relative path"),
    ],
)
def test_wrong_names_are_refused(names: tuple[str, ...], problem: str) -> None:
    assert problem in str(archive_problem(zipped(*names)))


def test_a_name_twice_is_refused() -> None:
    data = zipped("index.js", "index.jS").replace(b"index.jS", b"index.js")
    assert archive_problem(data) == "holds an entry twice"


def test_a_bomb_is_refused_though_it_lies_about_its_size() -> None:
    data = bytearray(zipped("index.js", content=bytes(MAX_UNPACKED_BYTES + 1), method=zipfile.ZIP_DEFLATED))
    assert len(data) < 100_000
    assert "unpacks to more than" in str(archive_problem(bytes(data)))
    claimed = (MAX_UNPACKED_BYTES + 1).to_bytes(4, "little")
    lying = bytes(data).replace(claimed, (10).to_bytes(4, "little"))
    assert archive_problem(lying) is not None


def test_damage_is_refused() -> None:
    data = bytearray(zipped("index.js", content=b"x" * 1000, method=zipfile.ZIP_DEFLATED))
    data[45] ^= 0xFF
    assert archive_problem(bytes(data)) == "is not a valid zip archive"
    assert archive_problem(b"PK\x05\x06") == "is not a valid zip archive"


@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_bytes_make_it_fail(noise: bytes, position: int) -> None:
    data = zipped("index.js", "a.js", method=zipfile.ZIP_DEFLATED)
    archive_problem(noise)
    archive_problem(data[:position] + noise + data[position + len(noise) :])


def test_base64_becomes_a_blob() -> None:
    data = zipped("index.js")
    problems: list[Problem] = []
    blob = CodeArchive().accept(base64.b64encode(data).decode(), "code", problems)
    assert isinstance(blob, Blob)
    assert (problems, blob.data, blob.size) == ([], data, len(data))


@pytest.mark.parametrize("value", [1, None, {"sha256": "x", "size": 1}, "%%%", "YQ", "éé"])
def test_other_values_are_refused(value: object) -> None:
    problems: list[Problem] = []
    CodeArchive().accept(value, "code", problems)
    assert [problem.field for problem in problems] == ["code"]
