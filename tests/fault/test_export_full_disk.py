"""A disk that fills up, or a process that is stopped, while an export puts its files down: all of them, or none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.engine.export import placing
from reconciler.errors import UsageError

WRITER = """
import resource
import sys
from pathlib import Path
from reconciler.engine.export.placing import place
from reconciler.errors import StorageError

resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    place(Path(sys.argv[1]), {"manifests/a.yaml": "fits", "manifests/b/c.yaml": "x" * 1000})
except StorageError as error:
    print(error.message)
"""


def _files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() if path.is_file() else "" for path in root.rglob("*")}


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("as it was")
    ran = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "the manifests cannot be written, and nothing was: file too large\n"
    assert _files(tmp_path) == {"other.txt": "as it was"}


def test_what_was_replaced_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last file cannot be moved into its place; those before were, one of them over an older one."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.yaml").write_text("old")
    (tmp_path / "m" / "a.yaml").chmod(0o640)
    before = _files(tmp_path)
    move = Path.replace

    def stopped(self: Path, target: str | Path) -> Path:
        if str(target).endswith("/o.yaml"):
            raise KeyboardInterrupt
        return move(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        placing.place(tmp_path, {"m/a.yaml": "new", "m/n/b.yaml": "new", "m/n/c.yaml": "new", "m/o.yaml": "new"})
    assert _files(tmp_path) == before
    assert (tmp_path / "m" / "a.yaml").stat().st_mode & 0o777 == 0o640
    placing.place(tmp_path, {"m/a.yaml": "new", "m/n/b.yaml": "new"})
    assert _files(tmp_path) == {"m": "", "m/a.yaml": "new", "m/n": "", "m/n/b.yaml": "new"}
    assert (tmp_path / "m" / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_what_is_there_is_only_replaced_on_demand(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name, overwrite in (("file", False), ("folder", True), ("dangling", False)):
        with pytest.raises(UsageError, match="there already"):
            placing.check_places(tmp_path, {name: ""}, frozenset(), overwrite=overwrite)
    placing.check_places(tmp_path, {"file": ""}, frozenset(), overwrite=True)
    placing.check_places(tmp_path, {"file": ""}, frozenset({"file"}), overwrite=False)
    with pytest.raises(UsageError, match="leaves the project"):
        placing.check_places(tmp_path, {"../x": ""}, frozenset(), overwrite=True)
