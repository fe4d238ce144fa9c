"""The parse cache: never in the way, never with what was not accepted."""

import subprocess
import sys

import pytest

from reconciler.loading import yaml_cache
from reconciler.loading.yaml import ParseCache, load_files
from reconciler.loading.yaml_cache import content_digest


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &x {b: 1}\ne: *x\n---\nc: 2\n")
    (tmp_path / "b.yaml").write_text("d: [é, 1.5, null]\n")
    return tmp_path


def load(root):
    return load_files(root.glob("*.yaml"), root, ParseCache(root / "cache"))


def store(root, documents=None):
    ParseCache(root / "cache").store(load(root)[0] if documents is None else documents)


def stored(root):
    return len(ParseCache(root / "cache"))


def test_nothing_is_stored_by_loading(root):
    load(root)
    assert not (root / "cache").exists()


def test_files_of_which_a_document_is_missing_are_not_stored(root):
    documents, _ = load(root)
    store(root, documents[1:])
    assert stored(root) == 1
    store(root, documents)
    assert stored(root) == 2


def test_files_with_findings_are_not_stored(root):
    (root / "b.yaml").write_text("a: 1\na: canary\n")
    store(root)
    assert stored(root) == 1
    assert b"canary" not in (root / "cache" / "documents").read_bytes()


def test_only_the_owner_may_read_it(root):
    store(root)
    assert (root / "cache" / "documents").stat().st_mode & 0o777 == 0o600
    assert (root / "cache").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (root / "cache").iterdir()] == ["documents"]


def test_no_yaml_is_parsed_when_all_is_known(root):
    store(root)
    code = (
        "import sys, pathlib\n"
        "from reconciler.loading.yaml import ParseCache, load_files\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "documents, _ = load_files(root.glob('*.yaml'), root, ParseCache(root / 'cache'))\n"
        "documents[0].mark(('a', 'b'))\n"
        "print(len(documents), [name for name in sys.modules if 'ruamel' in name])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert ran.stdout == "3 []\n"


def test_storing_the_same_again_writes_nothing(root):
    store(root)
    before = (root / "cache" / "documents").stat()
    store(root)
    after = (root / "cache" / "documents").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_versions_of_a_file_stay_until_there_is_no_room(root, monkeypatch):
    store(root)
    (root / "b.yaml").write_text("d: 2\n")
    store(root)
    assert stored(root) == 3
    now = {item.source.digest.hex() for item in load(root)[0]}
    room = sum(length for name, (_, length) in ParseCache(root / "cache")._index.items() if name in now)
    monkeypatch.setattr(yaml_cache, "MAX_BYTES", room)
    (root / "b.yaml").write_text("d: 3\n")
    documents, _ = load(root)
    store(root, documents)
    assert stored(root) == 2
    assert {item.source.digest.hex() for item in documents} == set(ParseCache(root / "cache")._index)


def test_what_is_not_used_any_more_takes_no_more_room_than_what_is(root, monkeypatch):
    """Every run reads all that is stored: years of edits must not slow it down. What was used last stays longest."""
    monkeypatch.setattr(yaml_cache, "SPARE_BYTES", 0)
    sizes = []
    for number in range(20):
        (root / "b.yaml").write_text(f"d: {number + 10}\n")
        documents, _ = load(root)
        store(root, documents)
        sizes.append(stored(root))
        newest = [f"d: {past + 10}\n".encode() for past in range(max(0, number - 1), number + 1)]
        assert {content_digest(text).hex() for text in newest} <= set(ParseCache(root / "cache")._index)
    used = {item.source.digest.hex() for item in documents}
    parts = {name: length for name, (_, length) in ParseCache(root / "cache")._index.items()}
    assert sum(parts.values()) <= 2 * sum(parts[name] for name in used)
    assert len(set(sizes[-10:])) == 1


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "header", "text", "version", "no index"])
def test_a_damaged_store_is_ignored_and_written_anew(root, damage):
    store(root)
    path = root / "cache" / "documents"
    data = path.read_bytes()
    begin = len(yaml_cache._MAGIC)
    path.write_bytes(
        {
            "truncated": data[:-1],
            "flipped": data[:-1] + bytes([data[-1] ^ 1]),
            "empty": b"",
            "header": data[: begin + 10],
            "text": b"not a store at all",
            "version": data.replace(b"cache 1", b"cache 9", 1),
            "no index": data[:begin] + yaml_cache.blake2b(b"", digest_size=32).digest(),
        }[damage]
    )
    assert stored(root) == 0
    documents, diagnostics = load(root)
    assert len(documents) == 3
    assert not diagnostics
    store(root)
    assert stored(root) == 2


def test_a_folder_that_cannot_be_written_is_no_error(root):
    (root / "cache").write_text("a file where the folder should be")
    store(root)
    assert stored(root) == 0


def test_a_store_that_is_a_folder_is_no_error(root):
    (root / "cache" / "documents").mkdir(parents=True)
    store(root)
    assert stored(root) == 0
    assert [path.name for path in (root / "cache").iterdir()] == ["documents"]


def test_the_same_content_under_two_names(root):
    (root / "b.yaml").write_bytes((root / "a.yaml").read_bytes())
    store(root)
    assert stored(root) == 1
    documents, _ = load(root)
    assert [item.file for item in documents] == ["a.yaml", "a.yaml", "b.yaml", "b.yaml"]
    assert documents[3].mark(("c",)).file == "b.yaml"
