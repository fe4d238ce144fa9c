"""A tree of git's is looked at as the same files on disk would be: links, folders, manifests, what leads out."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.errors import ReconcilerError
from reconciler.loading.git import Entry
from reconciler.loading.git_tree import GitTree
from reconciler.loading.inside import NotUsable, inside
from reconciler.loading.yaml_files import discover, relative_name

PARTS = ["a", "b", "m", "x.yaml", "y.yml", "z.txt", ".hidden"]
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(st.sampled_from([*PARTS, "..", "."]), min_size=1, max_size=4).map("/".join)
TREES = st.dictionaries(NAMES, st.one_of(st.none(), st.none(), TARGETS, st.just("/etc/passwd")), max_size=10)


def _possible(files: dict[str, str | None]) -> dict[str, str | None]:
    """Without what no tree can hold: a file that is a folder, too."""
    return {
        name: target
        for name, target in files.items()
        if not any(f"{name}/" == other[: len(name) + 1] for other in files)
    }


def _tree(files: dict[str, str | None]) -> GitTree:
    entries = [
        Entry("120000" if target is not None else "100644", target or "0", name) for name, target in files.items()
    ]
    return GitTree(entries, {target: os.fsencode(target) for target in files.values() if target is not None})


def _on_disk(root: Path, files: dict[str, str | None]) -> None:
    for name, target in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8") if target is None else path.symlink_to(target)


@given(TREES, TARGETS)
def test_names_lead_where_they_lead_on_disk(files: dict[str, str | None], name: str) -> None:
    files = _possible(files)
    if ".." in name:
        name = name.replace("..", "a")
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        _on_disk(root, files)
        try:
            expected = inside(root, name).relative_to(root).as_posix()
        except NotUsable:
            expected = None
        try:
            found = _tree(files).resolve(name)
        except NotUsable:
            found = None
        # What a link leads to need not exist, and of what does not exist nobody reads anything.
        if expected is not None and (root / expected).exists():
            assert (found or ".") == expected
        elif found is not None:
            assert not (root / found).is_file() or found == expected


@example({"m/a": "b/.."})
@example({"m/a": "kept.yaml/.."})
@example({"m/a": "b/..", "m/b/x.yaml": None})
@given(TREES)
def test_manifests_are_found_as_on_disk(files: dict[str, str | None]) -> None:
    files = {"m/kept.yaml": None, **{name: target for name, target in _possible(files).items() if name != "m"}}
    tree = _tree(files)
    found, expected = None, None
    with suppress(ReconcilerError):
        found = [
            name for name, real in tree.manifests(["m"]).items() if real in tree.files and not tree.files[real].is_link
        ]
    with TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        _on_disk(root, files)
        with suppress(ReconcilerError):
            expected = [relative_name(str(path), str(root)) for path in discover(root, ["m"]) if path.exists()]
    # Of a link that leads out and is no manifest, only the disk knows whether it is a folder; one that leads nowhere is
    # an error on disk, which can be mended, and told of in a revision, which cannot.
    assert found == expected or ((tree.outside or tree.lost) and expected is None)
    assert not (tree.lost and expected)


@given(TREES, TARGETS)
def test_nothing_ever_resolves_to_a_place_outside(files: dict[str, str | None], name: str) -> None:
    try:
        found = _tree(_possible(files)).resolve(name)
    except NotUsable:
        return
    assert ".." not in found.split("/")
    assert not found.startswith("/")
