"""What a run is narrowed to by a difference: what changed, what depends on it, and what it has to tell."""

from __future__ import annotations

from reconciler.core.difference import Difference, Item, Side
from reconciler.core.resource import Key
from reconciler.core.since import since_of

A, B, C, D = (Key("Dataset", name) for name in "abcd")
JOB = Key("Ingestion", "j")


def found(*items: Item, left_out: tuple[Key, ...] = (), warnings: tuple[str, ...] = ()) -> Difference:
    return Difference(Side("main", "ab" * 20), Side("work tree"), items=items, left_out=left_out, warnings=warnings)


def test_changed_moved_and_unclear_ones_with_all_that_depends_on_them() -> None:
    edges = {B: (A,), JOB: (B,), C: ()}
    since = since_of("main", found(Item(A, "resource", "changed")), edges)
    assert since.keys == {A, B, JOB}
    assert since.words == "--since main (abababababab)"
    assert since.told == ()
    assert since_of("main", found(Item(C, "resource", "moved"), left_out=(D,)), edges).keys == {C, D}


def test_what_was_removed_is_told_of_and_jobs_are_not() -> None:
    items = [Item(key, "resource", "removed") for key in (A, B)]
    since = since_of("main", found(*items, Item(JOB, "job", "removed"), warnings=("w",)), {})
    assert since.keys == frozenset()
    assert since.removed == (A, B)
    assert since.told == ("removed since main, and left alone by a narrowed run: Dataset/a, Dataset/b", "w")


def test_many_removed_ones_are_counted() -> None:
    items = [Item(Key("Dataset", f"d{number:02}"), "resource", "removed") for number in range(25)]
    (told,) = since_of("main", found(*items), {}).told
    assert told.endswith("Dataset/d19 and 5 more")
