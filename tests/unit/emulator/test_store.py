"""The store: two of them on one file agree after any sequence of writes, and what is kept aside is whole."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator import Settings, create_app, store
from reconciler.emulator.emulator import Emulator
from reconciler.emulator.errors import ApiError
from reconciler.emulator.preconditions import Conditions

NAMES = st.sampled_from("abcd")
SIDES = st.integers(0, 1)
STEPS = st.lists(
    st.tuples(SIDES, st.just("create"), NAMES)
    | st.tuples(SIDES, st.just("rename"), NAMES, NAMES)
    | st.tuples(SIDES, st.just("delete"), NAMES)
    | st.tuples(SIDES, st.just("fail"), NAMES)
    | st.tuples(SIDES, st.just("reset")),
    max_size=25,
)
ANY = Conditions(if_match="*")


def step(emulator: Emulator, action: str, *names: str) -> None:
    """Do one thing to the datasets; what the rules refuse is refused."""
    kind = emulator.kinds["Dataset"]
    if action == "reset":
        emulator.store.clear()
        return
    with emulator.store.transaction():
        if action in ("create", "fail"):
            body: dict[str, Any] = {"name": names[0], "primaryKey": "id", "columns": {"id": "string"}}
            emulator.resources.create(kind, body, "me", Conditions())
            if action == "fail":
                raise ApiError(500, "TEST", "after the write, before the commit")
            return
        row = emulator.store.collections["Dataset"].named(names[0])
        if row is not None and action == "rename":
            emulator.resources.update(kind, row.id, {"name": names[1]}, "me", ANY)
        elif row is not None:
            emulator.resources.delete(kind, row.id, ANY, force=True)


def seen(emulator: Emulator) -> tuple[Any, ...]:
    """Give all that a client can see of the datasets."""
    emulator.store.refresh()
    collection = emulator.store.collections["Dataset"]
    found = {name: row.id for name in "abcd" if (row := collection.named(name)) is not None}
    return [collection.item(id_) for id_ in collection.order()], collection.etag(), found


@settings(max_examples=40)
@given(STEPS)
def test_two_stores_on_one_file_agree(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_KEPT_TOMBSTONES", 1)
        path = Path(folder) / "state.db"
        pair = [Emulator(Settings(state=path)) for _ in range(2)]
        names: set[str] = set()
        for side, action, *rest in steps:
            before = seen(pair[side])
            try:
                step(pair[side], action, *rest)
            except ApiError:
                assert seen(pair[side]) == before
            names = set(seen(pair[side])[2])
        fresh = Emulator(Settings(state=path))
        assert seen(pair[0]) == seen(pair[1]) == seen(fresh)
        assert names == set(seen(fresh)[2])
        for emulator in (*pair, fresh):
            emulator.store.close()


def test_who_slept_through_too_many_deletes_loads_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_KEPT_TOMBSTONES", 2)
    busy, asleep = (Emulator(Settings(state=tmp_path / "state.db")) for _ in range(2))
    busy.seed({"kinds": {"Dataset": 12}})
    assert len(seen(asleep)[0]) == 12
    for id_ in list(busy.store.collections["Dataset"].order())[:-1]:
        with busy.store.transaction():
            busy.resources.delete(busy.kinds["Dataset"], id_, ANY, force=True)
    assert seen(asleep) == seen(busy)
    assert len(seen(asleep)[0]) == 1


def test_code_is_kept_whole_and_goes_with_its_action() -> None:
    emulator: Emulator = create_app(Settings()).state.emulator
    emulator.seed({"kinds": {"DataAction": 3}})
    kind = emulator.kinds["DataAction"]
    for id_ in emulator.store.collections["DataAction"].order():
        doc, _ = emulator.resources.load(kind, id_)
        data = emulator.store.blob("DataAction", id_)
        assert data is not None
        assert hashlib.sha256(data).hexdigest() == doc["code"].sha256
        with emulator.store.transaction():
            emulator.resources.delete(kind, id_, ANY, force=False)
        assert emulator.store.blob("DataAction", id_) is None


def test_etags_are_keyed_so_that_a_secret_can_not_be_guessed_from_one() -> None:
    etags = set()
    for _ in range(2):
        emulator: Emulator = create_app(Settings()).state.emulator
        emulator.seed({"kinds": {"Connector": 1}})
        etags.add(emulator.store.collections["Connector"].etag())
    assert len(etags) == 2
