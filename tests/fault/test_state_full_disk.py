"""A disk that fills up in the middle of a write: what was there stays, and what was written in part is gone again."""

import subprocess
import sys
from pathlib import Path

from reconciler.engine.state.file_store import FileStore

WRITER = """
import resource
import sys
from pathlib import Path
from reconciler.engine.state.file_store import FileStore
from reconciler.errors import StorageError

store = FileStore(Path(sys.argv[1]))
store.append("journal.ndjson", b"whole\\n")
version = store.write("ledger.json", b"old", None)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for write in (
    lambda: store.append("journal.ndjson", b"x" * 1000 + b"\\n"),
    lambda: store.write("ledger.json", b"new" * 1000, version),
    lambda: store.rewrite_log("journal.ndjson", b"y" * 1000),
):
    try:
        write()
    except StorageError as error:
        print(error.code)
store.append("journal.ndjson", b"fits\\n")
"""


def test_a_write_that_does_not_fit_leaves_everything_as_it_was(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == ["X001"] * 3
    store = FileStore(tmp_path)
    assert store.read_log("journal.ndjson") == b"whole\nfits\n"
    assert store.read_log("ledger.json") == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.ndjson", "ledger.json"]
